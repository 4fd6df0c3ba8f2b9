/** Small plugins that complete pods, their bindings and nodes. */
import type { Binding, Node, Toleration } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { concerns, concernsPods, podOf } from './requests.ts';

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';
const tolerationSeconds = 300;

function tolerates(tolerations: readonly Toleration[], key: string): boolean {
  return tolerations.some(
    (toleration) =>
      (!toleration.key || toleration.key === key) &&
      (!toleration.effect || toleration.effect === 'NoExecute'),
  );
}

/** Pods stay for five minutes on a node that is not ready or cannot be reached. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: (request) =>
    request.operation !== 'DELETE' && request.operation !== 'CONNECT' && concernsPods(request),
  mutate({ object }) {
    const pod = podOf(object);
    const tolerations = pod.spec?.tolerations ?? [];
    const missing = [notReady, unreachable].filter((key) => !tolerates(tolerations, key));
    if (missing.length === 0 || !pod.spec) return;
    const added = missing.map((key): Toleration => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds,
    }));
    pod.spec = { ...pod.spec, tolerations: [...tolerations, ...added] };
  },
};

/** A new node takes no pods until the node controller has seen it ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  handles: (request) => request.operation === 'CREATE' && concerns(request, '', 'nodes'),
  mutate({ object }) {
    const node = object as unknown as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === notReady && effect === 'NoSchedule')) return;
    node.spec = { ...node.spec, taints: [...taints, { key: notReady, effect: 'NoSchedule' }] };
  },
};

const topologyLabels = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Pods can read from their own labels where their node is. */
export class PodTopologyLabels implements AdmissionPlugin {
  readonly name = 'PodTopologyLabels';
  readonly #view: ClusterView;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  handles(request: AdmissionRequest): boolean {
    return (
      request.operation === 'CREATE' &&
      (concernsPods(request) || concerns(request, '', 'pods', 'binding') || concerns(request, '', 'bindings'))
    );
  }

  mutate(request: AdmissionRequest): void {
    const { object } = request;
    if (!object) return;
    const nodeName = concernsPods(request)
      ? podOf(object).spec?.nodeName
      : boundNode(object as unknown as Binding);
    const labels = nodeName ? this.#view.get('', 'nodes', '', nodeName)?.metadata.labels : undefined;
    if (!labels) return;
    const copied: Record<string, string> = {};
    for (const key of topologyLabels) if (labels[key] !== undefined) copied[key] = labels[key];
    if (Object.keys(copied).length > 0)
      object.metadata = { ...object.metadata, labels: { ...object.metadata.labels, ...copied } };
  }
}

function boundNode({ target }: Binding): string | undefined {
  return target?.kind === 'Node' ? target.name : undefined;
}
