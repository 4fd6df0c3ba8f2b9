/**
 * metadata.managedFields: who owns which fields of an object. The registry
 * keeps it apart from the object, as the text it is stored as: most writes
 * change one manager's entry, many none, and an entry that nobody looks at is
 * neither parsed nor printed. Values are immutable.
 */
import type { ManagedFieldsEntry } from '../../../api/types/meta-v1.ts';
import { isMember, type FieldSet } from './field-set.ts';

export type ManagerOperation = 'Apply' | 'Update';

export interface Manager {
  readonly name: string;
  readonly operation: ManagerOperation;
  /** The version that the fields are of: `apps/v1`. */
  readonly apiVersion: string;
  /** '' for the resource itself. */
  readonly subresource: string;
}

/** One who applies stays the same in every version; one who updates does not. */
export function isSameManager(a: Manager, b: Manager): boolean {
  return a.name === b.name && a.operation === b.operation && a.subresource === b.subresource && (a.operation === 'Apply' || a.apiVersion === b.apiVersion);
}

/** What upstream tells managers apart by, and sorts them by where nothing else does. */
export function identifierOf({ name, operation, apiVersion, subresource }: Manager): string {
  return JSON.stringify({
    manager: name || undefined,
    operation,
    apiVersion: operation === 'Apply' ? undefined : apiVersion,
    subresource: subresource || undefined,
  });
}

export class ManagerEntry {
  readonly manager: Manager;
  readonly time: string | undefined;
  #text: string | undefined;
  #set: FieldSet | undefined;

  /** `fields` is a set that is not empty, or its text. */
  constructor(manager: Manager, time: string | undefined, fields: FieldSet | string) {
    this.manager = manager;
    this.time = time;
    if (typeof fields === 'string') this.#text = fields;
    else this.#set = fields;
  }

  get set(): FieldSet {
    return (this.#set ??= JSON.parse(this.#text as string) as FieldSet);
  }

  get text(): string {
    return (this.#text ??= JSON.stringify(this.#set));
  }

  /** False where the set has nothing of `fields`. Told by its text, which is not parsed for it. */
  mayHave(fields: FieldSet): boolean {
    const text = this.#text;
    if (text === undefined || this.#set !== undefined) return true;
    for (const element in fields) {
      if (!text.includes(JSON.stringify(element))) continue;
      const node = fields[element] as FieldSet;
      if (isMember(node)) return true;
      for (const below in node) if (text.includes(JSON.stringify(below))) return true;
    }
    return false;
  }

  /** With another set, which is the same where nothing has changed but the time. */
  with(set: FieldSet, time: string | undefined = this.time): ManagerEntry {
    if (set !== this.#set) return new ManagerEntry(this.manager, time, set);
    return time === this.time ? this : new ManagerEntry(this.manager, time, this.text);
  }
}

/** What stands between two entries, and between the head of one and its fields; a string cannot hold either, since its quotes are escaped. */
const entryStart = '{"manager":';
const entryBreak = `},${entryStart}`;
const fieldsStart = ',"fieldsV1":';
const subresourceStart = ',"subresource":';

export class ManagedFields {
  static readonly none = new ManagedFields('', []);

  #text: string | undefined;
  #entries: readonly ManagerEntry[] | undefined;

  private constructor(text: string | undefined, entries: readonly ManagerEntry[] | undefined) {
    this.#text = text;
    this.#entries = entries;
  }

  static of(entries: readonly ManagerEntry[]): ManagedFields {
    return entries.length === 0 ? ManagedFields.none : new ManagedFields(undefined, [...entries].sort(compareEntries));
  }

  /** From what `text` gave. */
  static parse(text: string): ManagedFields {
    return text === '' ? ManagedFields.none : new ManagedFields(text, undefined);
  }

  get entries(): readonly ManagerEntry[] {
    return (this.#entries ??= readEntries(this.#text as string));
  }

  /** The JSON of the list; '' where nobody owns anything. */
  get text(): string {
    return (this.#text ??= `[${(this.#entries as readonly ManagerEntry[]).map(entryText).join(',')}]`);
  }

  find(manager: Manager): ManagerEntry | undefined {
    return this.entries.find((entry) => isSameManager(entry.manager, manager));
  }

  /** The list as clients see it. */
  toList(): ManagedFieldsEntry[] {
    return this.text === '' ? [] : (JSON.parse(this.text) as ManagedFieldsEntry[]);
  }

  /** The same but for when. */
  equalsButTimes(other: ManagedFields): boolean {
    if (this === other || (this.#text !== undefined && this.#text === other.#text)) return true;
    if (this.entries.length !== other.entries.length) return false;
    return this.entries.every((entry, i) => {
      const { manager, text } = other.entries[i] as ManagerEntry;
      return isSameManager(entry.manager, manager) && entry.manager.apiVersion === manager.apiVersion && entry.text === text;
    });
  }
}

function readEntries(text: string): ManagerEntry[] {
  const parts = text.slice(1 + entryStart.length, -2).split(entryBreak);
  const entries = parts.map(readEntry);
  // Writes of a scale can leave two entries of one manager; the later one counts, as upstream has it.
  return entries.filter(({ manager }, i) => !entries.some((later, j) => j > i && isSameManager(manager, later.manager)));
}

function readEntry(part: string): ManagerEntry {
  const fieldsAt = part.indexOf(fieldsStart);
  const [, name, operation, apiVersion, , time] = entryHead.exec(part) as unknown as [string, string, ManagerOperation, string, string, string | undefined];
  // Behind the fields only the subresource can come; they end with a brace, and it with a quote.
  const subresourceAt = part.endsWith('"') ? part.lastIndexOf(subresourceStart) : part.length;
  const subresource = subresourceAt === part.length ? '' : unquoted(part.slice(subresourceAt + subresourceStart.length));
  return new ManagerEntry({ name: unquoted(name), operation, apiVersion: unquoted(apiVersion), subresource }, time, part.slice(fieldsAt + fieldsStart.length, subresourceAt));
}

/** What is in front of the fields, from the manager's name on. */
const entryHead = /^("(?:[^"\\]|\\.)*"),"operation":"(\w+)","apiVersion":("(?:[^"\\]|\\.)*")(,"time":"([^"]*)")?,/;

function unquoted(text: string): string {
  return text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1);
}

function entryText({ manager, time, text }: ManagerEntry): string {
  const { name, operation, apiVersion, subresource } = manager;
  const at = time === undefined ? '' : `,"time":"${time}"`;
  const of = subresource === '' ? '' : `${subresourceStart}${JSON.stringify(subresource)}`;
  return `${entryStart}${JSON.stringify(name)},"operation":"${operation}","apiVersion":${JSON.stringify(apiVersion)}${at},"fieldsType":"FieldsV1"${fieldsStart}${text}${of}}`;
}

/** Appliers first, then by time, manager, version and subresource. */
function compareEntries(a: ManagerEntry, b: ManagerEntry): number {
  return (
    compareText(a.manager.operation, b.manager.operation) ||
    compareText(a.time ?? '', b.time ?? '') ||
    compareText(a.manager.name, b.manager.name) ||
    compareText(a.manager.apiVersion, b.manager.apiVersion) ||
    compareText(a.manager.subresource, b.manager.subresource)
  );
}

export function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
