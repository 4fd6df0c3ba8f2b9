/** What a quota's namespace uses of what it limits: the rules by which admission charges, added up over all there is. Pure. */
import type { KubeObject } from '../../api/object.ts';
import { addQuantity, formatQuantity, quantityOf } from '../../api/quantity.ts';
import type { Quantity } from '../../api/quantity.ts';
import { scopesOf } from '../../api/quota/scopes.ts';
import type { UsageRule } from '../../api/quota/usage.ts';
import type { ResourceQuota } from '../../api/types/core-v1.ts';
import type { ApiObject } from '../../client/resource.ts';

export interface Counted {
  readonly rule: UsageRule;
  readonly objects: Iterable<ApiObject>;
}

/** By name of the quota's limits. `counted` need hold only what the limits ask for. */
export function usedOf({ spec }: ResourceQuota, counted: Iterable<Counted>, nowMs: number): Record<string, string> {
  const names = Object.keys(spec?.hard ?? {});
  const scopes = scopesOf(spec);
  const sums = new Map<string, Quantity>();
  for (const { rule, objects } of counted) {
    const mine = names.filter((name) => rule.counts(name));
    if (mine.length === 0) continue;
    for (const each of objects) {
      const object = each as unknown as KubeObject;
      if (!scopes.every((scope) => rule.matchesScope(object, scope))) continue;
      const usage = rule.usageOf(object, nowMs);
      for (const name of mine) {
        const amount = usage.get(name);
        const sum = sums.get(name);
        if (amount) sums.set(name, sum ? addQuantity(sum, amount) : amount);
      }
    }
  }
  return Object.fromEntries(names.map((name) => [name, formatQuantity(sums.get(name) ?? quantityOf(0, 'DecimalSI'))]));
}
