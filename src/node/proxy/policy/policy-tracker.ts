/** Follows NetworkPolicies, pods and namespaces, and claims what they come to in the rule table. */
import type { Namespace, Pod } from '../../../api/types/core-v1.ts';
import type { NetworkPolicy } from '../../../api/types/networking-v1.ts';
import type { Informer } from '../../../client/informer.ts';
import { keyOf } from '../../../client/resource.ts';
import type { RuleTable } from '../rules/rule-table.ts';
import type { Family } from '../service-model.ts';
import { policyModel } from './policy-model.ts';
import type { PolicyModel } from './policy-model.ts';
import { podParts, policyBase, policyParts, policyPod, selects } from './policy-rules.ts';
import type { PolicyPod } from './policy-rules.ts';

export interface PolicyTrackerOptions {
  readonly nodeName: string;
  readonly families: readonly Family[];
  readonly policies: Informer<NetworkPolicy>;
  readonly pods: Informer<Pod>;
  readonly namespaces: Informer<Namespace>;
  readonly table: RuleTable;
  /** Claims have changed. */
  readonly onChange: () => void;
}

const baseOwner = '';
const namespaceIndex = 'policy-namespace';

export class PolicyTracker {
  readonly #options: PolicyTrackerOptions;
  readonly #models = new Map<string, PolicyModel>();
  readonly #dirtyPods = new Set<string>();
  /** Keys of this node's pods. */
  readonly #local = new Set<string>();
  /** Those that select a pod of this node: the others mean nothing here. */
  #active: readonly PolicyModel[] = [];
  /** Policies, or pods of this node, have changed. */
  #reselect = true;
  #synced = false;

  constructor(options: PolicyTrackerOptions) {
    this.#options = options;
    const { policies, pods, namespaces } = options;
    pods.addIndex(namespaceIndex, ({ metadata }) => [metadata.namespace ?? '']);
    const onBatchEnd = () => this.#update();
    const pod = (object: Pod) => this.#podChanged(object);
    const policy = (object: NetworkPolicy) => {
      this.#models.set(keyOf(object), policyModel(object));
      this.#reselect = true;
    };
    const onPolicyGone = (object: NetworkPolicy) => {
      this.#models.delete(keyOf(object));
      this.#reselect = true;
    };
    const namespace = (object: Namespace) => {
      for (const one of pods.byIndex(namespaceIndex, object.metadata.name ?? '')) this.#dirtyPods.add(keyOf(one));
    };
    policies.addHandler({ onAdd: policy, onUpdate: (_, current) => policy(current), onDelete: onPolicyGone, onBatchEnd });
    pods.addHandler({ onAdd: pod, onUpdate: (_, current) => pod(current), onDelete: (object) => this.#podGone(object), onBatchEnd });
    namespaces.addHandler({ onAdd: namespace, onUpdate: (old, current) => (old.metadata.labels === current.metadata.labels ? undefined : namespace(current)), onBatchEnd });
  }

  /** The informers hold what there is: from now on the table is kept up to date. */
  synced(): void {
    const { table, families } = this.#options;
    this.#synced = true;
    table.claim(baseOwner, families.flatMap(policyBase));
    this.#update();
    this.#options.onChange();
  }

  #podChanged(pod: Pod): void {
    const key = keyOf(pod);
    this.#dirtyPods.add(key);
    if (pod.spec.nodeName !== this.#options.nodeName) return;
    this.#local.add(key);
    this.#reselect = true;
  }

  #podGone(pod: Pod): void {
    const key = keyOf(pod);
    this.#dirtyPods.add(key);
    if (this.#local.delete(key)) this.#reselect = true;
  }

  #update(): void {
    if (!this.#synced) return;
    if (this.#reselect) this.#select();
    for (const key of this.#dirtyPods) this.#claimPod(key);
    this.#dirtyPods.clear();
    if (this.#options.table.isDirty) this.#options.onChange();
  }

  #select(): void {
    const { table, families, pods } = this.#options;
    this.#reselect = false;
    const here = [...this.#local].map((key) => this.#podOf(key)).filter((pod) => pod !== undefined);
    const active = [...this.#models.values()].filter((policy) => here.some((pod) => selects(policy, pod))).toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const before = this.#active;
    if (active.length === before.length && active.every((policy, i) => policy === before[i])) return;
    this.#active = active;
    const keys = new Set(active.map(({ key }) => key));
    for (const { key } of before) if (!keys.has(key)) table.claim(policyOwner(key), []);
    for (const policy of active) if (!before.includes(policy)) table.claim(policyOwner(policy.key), families.flatMap((family) => policyParts(family, policy)));
    for (const key of pods.keys()) this.#dirtyPods.add(key);
  }

  #claimPod(key: string): void {
    const { table, families } = this.#options;
    const pod = this.#active.length > 0 ? this.#podOf(key) : undefined;
    table.claim(`pod ${key}`, pod ? families.flatMap((family) => podParts(family, pod, this.#active)) : []);
  }

  #podOf(key: string): PolicyPod | undefined {
    const { pods, namespaces, nodeName } = this.#options;
    const pod = pods.get(key);
    return pod && policyPod(pod, namespaces.get(pod.metadata.namespace ?? '')?.metadata.labels ?? {}, nodeName);
  }
}

function policyOwner(key: string): string {
  return `policy ${key}`;
}
