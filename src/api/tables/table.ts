/**
 * What a printed table of one kind is made of: columns as data, and a function
 * from a parsed object to its cells. `cells` runs once per object version and
 * reader-independent (the age is the only thing that depends on the time), so it
 * reads fields and joins strings, nothing more.
 *
 * A definition always has the columns of `-o wide`; clients hide what has a
 * priority above zero.
 */
import type { KubeObject } from '../object.ts';
import type { ObjectMeta } from '../types/meta-v1.ts';

export type Cell = string | number | boolean;

/** metav1.TableColumnDefinition. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

/** metav1.TableRowCondition. */
export interface RowCondition {
  readonly type: 'Completed';
  readonly status: 'True';
  readonly reason: string;
  readonly message: string;
}

export interface TableDefinition {
  readonly columns: readonly Column[];
  /** `now` is in milliseconds since the epoch; ages are relative to it. */
  cells(object: KubeObject, now: number): readonly Cell[];
  /** The row's conditions; undefined or an empty list for none. */
  conditions?(object: KubeObject): readonly RowCondition[];
  /** How the rows of one page of a list are sorted, where it is not by key. */
  order?(left: KubeObject, right: KubeObject): number;
}

/** Tables of one family, by `<group>/<kind>`; the core group's keys start with the slash. */
export type Tables = Readonly<Record<string, TableDefinition>>;

/** A definition for objects of type `T`; whoever looks it up by kind vouches for the type. */
export function table<T extends { metadata: ObjectMeta }>(
  columns: readonly Column[],
  cells: (object: T, now: number) => readonly Cell[],
  more: Pick<TableDefinition, 'conditions' | 'order'> = {},
): TableDefinition {
  return { columns, cells: cells as unknown as TableDefinition['cells'], ...more };
}

export function text(name: string, description = ''): Column {
  return { name, type: 'string', format: '', description, priority: 0 };
}

export function integer(name: string, description = ''): Column {
  return { ...text(name, description), type: 'integer' };
}

export function boolean(name: string, description = ''): Column {
  return { ...text(name, description), type: 'boolean' };
}

/** Shown with `-o wide` only. */
export function wide(name: string, description = ''): Column {
  return { ...text(name, description), priority: 1 };
}

export const nameColumn: Column = { ...text('Name', 'Name of the object'), format: 'name' };
export const ageColumn: Column = text('Age', 'Time since the object was created');

/** What a kind without a table of its own gets. */
export const defaultTable: TableDefinition = table(
  [nameColumn, { ...text('Created At', 'When the object was created'), type: 'date' }],
  // A fresh object that lacks the time prints as the zero time does.
  ({ metadata }) => [metadata.name ?? '', metadata.creationTimestamp ?? '0001-01-01T00:00:00Z'],
);
