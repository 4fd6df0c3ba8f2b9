import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts';
import { wantedFinalizers } from '../storage-protection/storage-protection.ts';
import { aggregatedRules } from '../clusterrole-aggregation/clusterrole-aggregation.ts';
import { budgetStatus } from './disruption-budget.ts';

const pod = (name: string, ready = true): Pod => ({ metadata: { name }, spec: { containers: [] }, status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } });
const five = [pod('a'), pod('b'), pod('c'), pod('d'), pod('e', false)];

describe('disruption budget', () => {
  const cases: [string, NonNullable<PodDisruptionBudget['spec']>, number | undefined, number][] = [
    ['minAvailable', { minAvailable: 3 }, undefined, 1],
    ['minAvailable in percent, rounded up', { minAvailable: '50%' }, 5, 1],
    ['maxUnavailable', { maxUnavailable: 1 }, 5, 0],
    ['maxUnavailable in percent', { maxUnavailable: '40%' }, 5, 1],
  ];
  for (const [name, spec, wantedByControllers, allowed] of cases) {
    test(name, () => {
      const outcome = budgetStatus({ budget: { metadata: {}, spec }, pods: five, wantedByControllers, nowMs: 0 });
      assert.ok(outcome.ok);
      assert.equal(outcome.status.disruptionsAllowed, allowed);
      assert.equal(outcome.status.currentHealthy, 4);
      assert.equal(outcome.status.conditions?.[0]?.reason, allowed > 0 ? 'SufficientPods' : 'InsufficientPods');
    });
  }

  test('an eviction that was let through counts until it shows, or two minutes', () => {
    const budget = { metadata: {}, spec: { minAvailable: 2 }, status: { disruptedPods: { a: '1970-01-01T00:01:00Z', gone: '1970-01-01T00:01:00Z' } } };
    const allowed = (nowMs: number) => {
      const outcome = budgetStatus({ budget, pods: five, wantedByControllers: undefined, nowMs });
      return outcome.ok ? outcome.status.disruptionsAllowed : undefined;
    };
    assert.equal(allowed(61_000), 1);
    assert.equal(allowed(181_000), 2);
  });
});

describe('small decisions', () => {
  test('protection finalizers', () => {
    const going = { metadata: { deletionTimestamp: 'now', finalizers: ['p', 'other'] } };
    assert.deepEqual(wantedFinalizers({ metadata: {} }, 'p', false), ['p']);
    assert.equal(wantedFinalizers(going, 'p', true), undefined);
    assert.deepEqual(wantedFinalizers(going, 'p', false), ['other']);
  });

  test('aggregated rules come in the order of names, each once', () => {
    const rule = (resource: string) => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });
    const role = (name: string, ...resources: string[]) => ({ metadata: { name, labels: { to: 'view' } }, rules: resources.map(rule) });
    const view = { metadata: { name: 'view' }, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'view' } }] } };
    assert.deepEqual(aggregatedRules(view, [role('b', 'pods', 'nodes'), view, role('a', 'nodes')]), [rule('nodes'), rule('pods')]);
  });
});
