/**
 * Server-side printing: which table a kind has. The columns, their order and
 * what stands in the cells are upstream's, since kubectl and people read them;
 * the descriptions are our own words.
 */
import type { Status } from '../types/meta-v1.ts';
import { clusterTables } from './cluster.ts';
import { configurationTables } from './configuration.ts';
import { deviceTables } from './devices.ts';
import { networkTables } from './network.ts';
import { podTables } from './pods.ts';
import { storageTables } from './storage.ts';
import { defaultTable, table, text, type TableDefinition, type Tables } from './table.ts';
import { workloadTables } from './workloads.ts';

export type { Cell, Column, RowCondition, TableDefinition } from './table.ts';

const answers: Tables = {
  '/Status': table<Status>(
    [text('Status', 'Success or Failure'), text('Reason', 'Why, in one word'), text('Message', 'Why')],
    ({ status, reason, message }) => [status ?? '', reason ?? '', message ?? ''],
  ),
};

const tables = new Map<string, TableDefinition>(
  [
    podTables,
    workloadTables,
    clusterTables,
    networkTables,
    storageTables,
    configurationTables,
    deviceTables,
    answers,
  ].flatMap((family) => Object.entries(family)),
);

/** The same table for every version of a kind; name and creation time for a kind without one of its own. */
export function tableFor(group: string, kind: string): TableDefinition {
  return tables.get(`${group}/${kind}`) ?? defaultTable;
}
