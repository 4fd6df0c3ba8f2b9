/** A running pod may not ask for more than its node has. */
import { podRequests } from '../../api/pod-resources.ts';
import { milliValue, valueOf } from '../../api/quantity.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { goQuote } from '../../api/validation/go-format.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { concerns, podOf, refuse } from './requests.ts';

export class PodResizeValidator implements AdmissionPlugin {
  readonly name = 'PodResizeValidator';
  readonly #view: ClusterView;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  handles(request: AdmissionRequest): boolean {
    return request.operation === 'UPDATE' && concerns(request, '', 'pods', 'resize');
  }

  validate(request: AdmissionRequest): void {
    const pod = podOf(request.object);
    const nodeName = pod.spec?.nodeName;
    if (!nodeName || request.oldObject?.metadata.generation === pod.metadata.generation) return;
    const node = this.#view.get('', 'nodes', '', nodeName) as unknown as Node | undefined;
    if (!node) throw refuse(request, `node ${goQuote(nodeName)} not found`);
    const system = node.metadata.labels?.['kubernetes.io/os'] ?? 'linux';
    if (system !== 'linux')
      throw refuseResize(
        request,
        'UnsupportedPlatform',
        `pod resize is only supported on linux nodes, node ${goQuote(nodeName)} is ${goQuote(system)}`,
      );
    const requested = podRequests(pod);
    const { cpu = '0', memory = '0' } = node.status?.allocatable ?? {};
    const problems: string[] = [];
    const compare = (name: string, allocatable: number) => {
      const amount = requested.get(name) ?? 0;
      if (amount > allocatable) problems.push(`${name}, requested: ${amount}, allocatable: ${allocatable}`);
    };
    compare('cpu', milliValue(cpu));
    compare('memory', valueOf(memory));
    if (problems.length > 0)
      throw refuseResize(
        request,
        'NodeCapacity',
        `node didn't have enough allocatable resources: ${problems.join('; ')}`,
      );
  }
}

function refuseResize(request: AdmissionRequest, reason: string, why: string) {
  const refusal = refuse(request, why);
  if (refusal.status.details) refusal.status.details.causes = [{ reason }];
  return refusal;
}
