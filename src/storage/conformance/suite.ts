/**
 * What every store must do: the contract as tests. A store passes all of it or
 * is not one; what only one of them has is tested beside it.
 */
import { describe, test } from 'node:test';
import { commitCases } from './commit-cases.ts';
import { leaseCases } from './lease-cases.ts';
import { readCases } from './read-cases.ts';
import { reopenCases } from './reopen-cases.ts';
import { Rig, type OpenStore } from './rig.ts';
import { watchCases } from './watch-cases.ts';

export interface SuiteOptions {
  /** The store outlives its process: `reopen` is there. */
  readonly lasting: boolean;
  /** How many keys "very many" are. */
  readonly manyKeys?: number;
}

export function storeConformance(name: string, open: OpenStore, options: SuiteOptions): void {
  const groups = { commits: commitCases, reads: readCases, watches: watchCases, leases: leaseCases };
  const chosen = options.lasting ? { ...groups, reopening: reopenCases } : groups;
  for (const [group, cases] of Object.entries(chosen)) {
    describe(`${name}: ${group}`, () => {
      for (const [title, run] of Object.entries(cases)) {
        test(title, { timeout: 120_000 }, async () => {
          const under = await open();
          try {
            await run(new Rig(under, options.manyKeys ?? 100_000));
          } finally {
            await under.dispose();
          }
        });
      }
    });
  }
}
