/** Pods get the number and the preemption policy of their priority class; one class at most is the default. */
import type { PriorityClass } from '../../api/types/scheduling-v1.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { DerivedFromAll } from './derived.ts';
import { concerns, concernsPods, podOf, refuse } from './requests.ts';

const schedulingGroup = 'scheduling.k8s.io';

interface Priority {
  readonly className: string;
  readonly value: number;
  readonly preemptionPolicy: string | undefined;
}

export class PriorityAdmission implements AdmissionPlugin {
  readonly name = 'Priority';
  readonly #view: ClusterView;
  readonly #default: DerivedFromAll<PriorityClass | undefined>;

  constructor(view: ClusterView) {
    this.#view = view;
    this.#default = new DerivedFromAll(view, schedulingGroup, 'priorityclasses', () => defaultClass(view));
  }

  handles(request: AdmissionRequest): boolean {
    return (
      (request.operation === 'CREATE' || request.operation === 'UPDATE') &&
      (concernsPods(request) || concerns(request, schedulingGroup, 'priorityclasses'))
    );
  }

  mutate(request: AdmissionRequest): void {
    if (!concernsPods(request)) return;
    const pod = podOf(request.object);
    if (!pod.spec) return;
    if (request.operation === 'UPDATE') {
      const old = podOf(request.oldObject).spec;
      const { priority, preemptionPolicy } = pod.spec;
      if (
        (priority === undefined && old?.priority !== undefined) ||
        (preemptionPolicy === undefined && old?.preemptionPolicy !== undefined)
      )
        pod.spec = {
          ...pod.spec,
          priority: priority ?? old.priority,
          preemptionPolicy: preemptionPolicy ?? old.preemptionPolicy,
        };
      return;
    }
    const { className, value, preemptionPolicy } = this.#priorityOf(request, pod.spec.priorityClassName);
    if (className !== '') pod.spec.priorityClassName = className;
    if (pod.spec.priority !== undefined && pod.spec.priority !== value)
      throw refuse(
        request,
        `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      );
    pod.spec.priority = value;
    if (preemptionPolicy === undefined) return;
    if (pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== preemptionPolicy)
      throw refuse(
        request,
        `the string value of PreemptionPolicy (${pod.spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
      );
    pod.spec.preemptionPolicy = preemptionPolicy;
  }

  validate(request: AdmissionRequest): void {
    if (concernsPods(request)) return;
    const { globalDefault, metadata } = request.object as unknown as PriorityClass;
    if (!globalDefault) return;
    const current = this.#default.get();
    if (current && (request.operation === 'CREATE' || current.metadata.name !== metadata.name))
      throw refuse(
        request,
        `PriorityClass ${current.metadata.name ?? ''} is already marked as default. Only one default can exist`,
      );
  }

  #priorityOf(request: AdmissionRequest, className: string | undefined): Priority {
    if (!className) {
      const found = this.#default.get();
      return found
        ? priorityOf(found)
        : { className: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' };
    }
    const found = this.#view.get(schedulingGroup, 'priorityclasses', '', className) as
      PriorityClass | undefined;
    if (!found) throw refuse(request, `no PriorityClass with name ${className} was found`);
    return priorityOf(found);
  }
}

function priorityOf({ metadata, value, preemptionPolicy }: PriorityClass): Priority {
  return { className: metadata.name ?? '', value: value ?? 0, preemptionPolicy };
}

/** Should there be several, the one of the lowest priority. */
function defaultClass(view: ClusterView): PriorityClass | undefined {
  let found: PriorityClass | undefined;
  for (const object of view.list(schedulingGroup, 'priorityclasses')) {
    const candidate = object as unknown as PriorityClass;
    if (candidate.globalDefault && (!found || (candidate.value ?? 0) < (found.value ?? 0))) found = candidate;
  }
  return found;
}
