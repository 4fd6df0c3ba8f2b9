import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { AdmissionChain } from './chain.ts';
import type { AdmissionPlugin } from './contract.ts';
import { asked, pod } from './rig.testing.ts';

function recorder(name: string, log: string[], slow = false, concerned = true): AdmissionPlugin {
  const step = (phase: string) => () => {
    log.push(`${phase} ${name}`);
    return slow ? Promise.resolve() : undefined;
  };
  return { name, handles: () => concerned, mutate: step('mutate'), validate: step('validate') };
}

describe('admission chain', () => {
  test('answers at once while all plugins do', () => {
    const log: string[] = [];
    const chain = new AdmissionChain([
      recorder('a', log),
      recorder('b', log),
      recorder('c', log, true, false),
    ]);
    assert.equal(chain.mutate(asked('pods', pod())), undefined);
    assert.equal(chain.validate(asked('pods', pod())), undefined);
    assert.deepEqual(log, ['mutate a', 'mutate b', 'validate a', 'validate b']);
  });

  test('keeps the order across slow plugins, and stops at the first refusal', async () => {
    const log: string[] = [];
    const refusing: AdmissionPlugin = {
      name: 'no',
      handles: () => true,
      async validate() {
        throw new Error('no');
      },
    };
    const chain = new AdmissionChain([
      recorder('a', log),
      recorder('b', log, true),
      recorder('c', log),
      refusing,
      recorder('d', log),
    ]);
    await chain.mutate(asked('pods', pod()));
    await assert.rejects(async () => chain.validate(asked('pods', pod())), /no/);
    assert.deepEqual(log, [
      'mutate a',
      'mutate b',
      'mutate c',
      'mutate d',
      'validate a',
      'validate b',
      'validate c',
    ]);
  });
});
