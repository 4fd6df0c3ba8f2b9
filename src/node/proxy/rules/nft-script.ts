/**
 * Changes of a rule table as one nftables transaction. Places are
 * `<family> chain`, `<family> set` and `<family> element <set>`:
 *
 * - a chain's value is its rules, a line each; a base chain's first line is its hook (`type nat hook ...`)
 * - a set's value is `set` or `map` and its definition
 * - an element's value is what a map gives for the key, empty in a set
 */
import type { Change } from './rule-table.ts';

const elementsPerCommand = 1000;

type Sections = Record<'define' | 'take' | 'rules' | 'give' | 'clear' | 'drop', string[]>;

export interface ChainName {
  readonly family: string;
  readonly chain: string;
}

/**
 * The whole transaction for `changes` of the table called `table`. Chains that are not wanted any more are emptied;
 * those in `unused`, which were emptied by an earlier transaction, are deleted. `afresh`: all of it in place of whatever
 * the tables of these families hold.
 */
export function nftScript(table: string, changes: readonly Change[], unused: readonly ChainName[] = [], afresh: readonly string[] = []): string {
  const sections: Sections = { define: [], take: [], rules: [], give: [], clear: [], drop: [] };
  const elements = new Map<string, { gone: string[]; come: string[] }>();
  for (const change of changes) {
    const [family, kind, set] = change.place.split(' ') as [string, string, string | undefined];
    const target = `${family} ${table}`;
    if (kind === 'chain') chainCommands(sections, target, change);
    else if (kind === 'set') setCommands(sections, target, change);
    else gather(elements, `${target} ${set}`, change);
  }
  for (const [set, { gone, come }] of elements) {
    for (const group of groups(gone)) sections.take.push(`delete element ${set} { ${group} }`);
    for (const group of groups(come)) sections.give.push(`add element ${set} { ${group} }`);
  }
  for (const { family, chain } of unused) sections.drop.push(`delete chain ${family} ${table} ${chain}`);
  const start = afresh.flatMap((family) => [`add table ${family} ${table}`, `delete table ${family} ${table}`, `add table ${family} ${table}`]);
  // What is pointed at comes before, and goes after, what points at it.
  const { define, take, rules, give, clear, drop } = sections;
  return [...start, ...define, ...take, ...rules, ...give, ...clear, ...drop, ''].join('\n');
}

/** Takes the tables of these families away, whether they are there or not. */
export function nftRemovalScript(table: string, families: readonly string[]): string {
  return families.map((family) => `add table ${family} ${table}\ndelete table ${family} ${table}\n`).join('');
}

function chainCommands(sections: Sections, target: string, { key, before, after }: Change): void {
  const chain = `${target} ${key}`;
  if (after === undefined) {
    sections.clear.push(`flush chain ${chain}`);
    return;
  }
  const lines = after.split('\n');
  const hook = lines[0]?.startsWith('type ') ? `{ ${lines.shift()} }` : '';
  sections.define.push(`add chain ${chain} ${hook}`);
  if (before !== undefined) sections.rules.push(`flush chain ${chain}`);
  for (const line of lines) if (line !== '') sections.rules.push(`add rule ${chain} ${line}`);
}

function setCommands(sections: Sections, target: string, { key, before, after }: Change): void {
  const [kind = 'set', ...definition] = (after ?? before ?? '').split(' ');
  if (after === undefined) sections.drop.push(`delete ${kind} ${target} ${key}`);
  else sections.define.push(`add ${kind} ${target} ${key} { ${definition.join(' ')} }`);
}

function gather(elements: Map<string, { gone: string[]; come: string[] }>, set: string, { key, before, after }: Change): void {
  let entry = elements.get(set);
  if (!entry) elements.set(set, (entry = { gone: [], come: [] }));
  if (before !== undefined) entry.gone.push(key);
  if (after !== undefined) entry.come.push(after === '' ? key : `${key} : ${after}`);
}

function* groups(items: readonly string[]): IterableIterator<string> {
  for (let i = 0; i < items.length; i += elementsPerCommand) yield items.slice(i, i + elementsPerCommand).join(', ');
}
