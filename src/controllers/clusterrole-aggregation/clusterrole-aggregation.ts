/** Fills ClusterRoles that have an aggregationRule with the rules of the roles that it selects. */
import type { ClusterRole, PolicyRule } from '../../api/types/rbac-v1.ts';
import { clusterRoles } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { onChange, reconciler } from '../runtime/reconciler.ts';
import { selectorOf } from '../runtime/selector.ts';

/** The rules of all selected roles, in the order of their names, each once. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const rules: PolicyRule[] = [];
  const seen = new Set<string>();
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const compiled = selectorOf(selector);
    const selected = all.filter(({ metadata }) => metadata.name !== role.metadata.name && compiled.matches(metadata.labels));
    for (const { rules: theirs } of selected.toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))) {
      for (const rule of theirs ?? []) {
        const text = JSON.stringify(Object.entries(rule).toSorted(([a], [b]) => (a < b ? -1 : 1)));
        if (seen.has(text)) continue;
        seen.add(text);
        rules.push(rule);
      }
    }
  }
  return rules;
}

export const clusterRoleAggregationController: ControllerFactory = (context) => {
  const roles = context.informers.get(clusterRoles);
  const loop = reconciler(context, { name: 'clusterrole-aggregation', workers: 1, reconcile });
  // Any role may be part of any aggregate; there are few aggregates, and changes are rare.
  roles.addHandler(
    onChange(() => {
      for (const role of roles.values()) if (role.aggregationRule) loop.queue.addAfter(role.metadata.name ?? '', 50);
    }),
  );
  return loop;

  async function reconcile(name: string, signal: AbortSignal): Promise<void> {
    const role = roles.get(name);
    if (!role?.aggregationRule) return;
    const rules = aggregatedRules(role, [...roles.values()]);
    if (!equal(rules, role.rules ?? [])) await context.client.update(clusterRoles, { ...role, rules }, { signal });
  }
};
