/** The demo as it is meant: containers on real nodes. How fast it is is not looked at here; that nothing fails is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machinesImpossible } from '../src/cluster/machines/requirements.ts';
import { runDemo } from './testing/run-demo.ts';

test('a rolling update of real containers under load fails no request', { skip: machinesImpossible() ?? false, timeout: 480_000 }, async () => {
  const verdict = await runDemo(['--nodes', '2', '--servers', '2', '--bots', '2', '--rate', '50', '--seconds', '8'], async () => {});
  assert.equal(verdict.simulated, false);
  assert.deepEqual([verdict.failed, verdict.failures], [0, {}]);
  assert.deepEqual(verdict.phases.map(({ phase }) => phase).filter((phase) => phase !== 'start'), ['ramp', 'before', 'update', 'after']);
  const [after] = verdict.phases.filter(({ phase }) => phase === 'after');
  assert.ok(after && after.requests > 0);
});
