/** A pod's runtime class gives it the overhead, the node selector and the tolerations of its runtime. */
import { isDeepStrictEqual } from 'node:util';
import { compareQuantity, parseQuantity } from '../../api/quantity.ts';
import type { Toleration } from '../../api/types/core-v1.ts';
import type { RuntimeClass } from '../../api/types/node-v1.ts';
import { goQuote } from '../../api/validation/go-format.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { concernsPods, podOf, refuse } from './requests.ts';

type Amounts = Readonly<Record<string, string>>;

export class RuntimeClassAdmission implements AdmissionPlugin {
  readonly name = 'RuntimeClass';
  readonly #view: ClusterView;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  handles(request: AdmissionRequest): boolean {
    if (request.operation !== 'CREATE' || !concernsPods(request)) return false;
    const { spec } = podOf(request.object);
    return spec?.runtimeClassName !== undefined || spec?.overhead !== undefined;
  }

  mutate(request: AdmissionRequest): void {
    const { spec } = podOf(request.object);
    const runtimeClass = this.#runtimeClassOf(request);
    if (!spec || !runtimeClass) return;
    const overhead = runtimeClass.overhead?.podFixed;
    if (runtimeClass.overhead) {
      if (
        spec.overhead &&
        Object.keys(spec.overhead).length > 0 &&
        !isSameAmount(spec.overhead, overhead ?? {})
      )
        throw overheadDiffers(request);
      spec.overhead = { ...overhead };
    }
    const { scheduling } = runtimeClass;
    if (!scheduling) return;
    for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
      const asked = spec.nodeSelector?.[key];
      if (asked !== undefined && asked !== value)
        throw refuse(
          request,
          `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${asked}`,
        );
    }
    if (scheduling.nodeSelector) spec.nodeSelector = { ...spec.nodeSelector, ...scheduling.nodeSelector };
    if (scheduling.tolerations)
      spec.tolerations = mergeTolerations(spec.tolerations ?? [], scheduling.tolerations);
  }

  validate(request: AdmissionRequest): void {
    const { spec } = podOf(request.object);
    const wanted = this.#runtimeClassOf(request)?.overhead;
    if (wanted) {
      if (!isSameAmount(wanted.podFixed ?? {}, spec?.overhead ?? {})) throw overheadDiffers(request);
    } else if (spec?.overhead !== undefined)
      throw refuse(
        request,
        'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
      );
  }

  #runtimeClassOf(request: AdmissionRequest): RuntimeClass | undefined {
    const name = podOf(request.object).spec?.runtimeClassName;
    if (name === undefined) return undefined;
    const found = this.#view.get('node.k8s.io', 'runtimeclasses', '', name) as RuntimeClass | undefined;
    if (!found) throw refuse(request, `pod rejected: RuntimeClass ${goQuote(name)} not found`);
    return found;
  }
}

function overheadDiffers(request: AdmissionRequest) {
  return refuse(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
}

function isSameAmount(a: Amounts, b: Amounts): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every(
      (name) =>
        b[name] !== undefined &&
        compareQuantity(parseQuantity(a[name] as string), parseQuantity(b[name])) === 0,
    )
  );
}

/** Whether what `narrow` tolerates, `wide` tolerates too. */
function includes(wide: Toleration, narrow: Toleration): boolean {
  if (isDeepStrictEqual(wide, narrow)) return true;
  const matchesAllKeys = !wide.key && wide.operator === 'Exists';
  if ((wide.key ?? '') !== (narrow.key ?? '') && !matchesAllKeys) return false;
  if (wide.effect && wide.effect !== narrow.effect) return false;
  const endsSooner =
    wide.tolerationSeconds !== undefined &&
    !((narrow.tolerationSeconds ?? Infinity) <= wide.tolerationSeconds);
  if (wide.effect === 'NoExecute' && endsSooner) return false;
  return (
    wide.operator === 'Exists' || (narrow.operator === 'Equal' && (narrow.value ?? '') === (wide.value ?? ''))
  );
}

/** Both lists, without those that another one includes; of equal ones the first stays. */
function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  for (const [index, toleration] of all.entries()) {
    const isIncluded =
      merged.some((kept) => includes(kept, toleration)) ||
      all
        .slice(index + 1)
        .some((later) => !isDeepStrictEqual(later, toleration) && includes(later, toleration));
    if (!isIncluded) merged.push(toleration);
  }
  return merged;
}
