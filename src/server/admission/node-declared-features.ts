/** What a bound pod's update asks of its node must be among what the node says that it can (component-helpers/nodedeclaredfeatures). */
import type { Node, Pod, PodSpec } from '../../api/types/core-v1.ts';
import { goQuote } from '../../api/validation/go-format.ts';
import { semanticEqual } from '../../api/validation/equality.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { concerns, podOf, refuse } from './requests.ts';

/** Features that only matter when a pod is placed are the scheduler's. */
const features: readonly { readonly name: string; isAskedBy(now: PodSpec, before: PodSpec): boolean }[] = [
  { name: 'InPlacePodLevelResourcesVerticalScaling', isAskedBy: (now, before) => !semanticEqual(now.resources, before.resources) },
  {
    name: 'InPlacePodVerticalScalingInitContainers',
    isAskedBy: (now, before) => before.initContainers?.some((container, i) => container.restartPolicy !== 'Always' && !semanticEqual(now.initContainers?.[i]?.resources, container.resources)) ?? false,
  },
];

export class NodeDeclaredFeatureValidator implements AdmissionPlugin {
  readonly name = 'NodeDeclaredFeatureValidator';
  readonly #view: ClusterView;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  handles(request: AdmissionRequest): boolean {
    return request.operation === 'UPDATE' && (concerns(request, '', 'pods') || concerns(request, '', 'pods', 'resize'));
  }

  validate(request: AdmissionRequest): void {
    const { spec, metadata } = podOf(request.object);
    const old = request.oldObject as Pod | undefined;
    // The generation tells of every change of the spec.
    if (!spec?.nodeName || !old?.spec || old.metadata.generation === metadata.generation) return;
    const asked = features.filter(({ isAskedBy }) => isAskedBy(spec, old.spec)).map(({ name }) => name);
    if (asked.length === 0) return;
    const node = this.#view.get('', 'nodes', '', spec.nodeName) as Node | undefined;
    if (!node) throw refuse(request, `node ${goQuote(spec.nodeName)} not found`);
    const missing = asked.filter((name) => !node.status?.declaredFeatures?.includes(name));
    if (missing.length > 0) throw refuse(request, `pod update requires features ${missing.join(', ')} which are not available on node ${goQuote(spec.nodeName)}`);
  }
}
