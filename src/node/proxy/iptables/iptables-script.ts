/**
 * Changes of a rule table as input for iptables-restore --noflush. Places are
 * `<family> <table> chain`, `<family> <table> rules <chain>`, `<family> <table> hook`:
 *
 * - a chain's value is its rules, a line each
 * - rules are single ones in a chain that many share: the key is the rule
 * - a hook is a rule in one of the kernel's own chains: the key is `<chain> <rule>`
 */
import type { Change } from '../rules/rule-table.ts';

/** What is in a table of ours, or leads to it. */
export interface Present {
  readonly table: string;
  /** Our chains, with how many rules each has. */
  readonly chains: ReadonlyMap<string, number>;
  /** Rules in the kernel's own chains that lead to ours, as saved: `PREROUTING -j KUBE-ENTRY`. */
  readonly hooks: readonly string[];
}

interface Sections {
  readonly declared: string[];
  readonly rules: string[];
  readonly removed: string[];
}

/** For the family's iptables-restore; empty: nothing to do. What is in `instead` goes, in the same moment. */
export function iptablesScript(family: string, changes: readonly Change[], instead: readonly Present[] = []): string {
  const tables = new Map<string, Sections>();
  const sections = (table: string): Sections => {
    let found = tables.get(table);
    if (!found) tables.set(table, (found = { declared: [], rules: [], removed: [] }));
    return found;
  };
  for (const { table, hooks } of instead) for (const hook of hooks) sections(table).rules.push(`-D ${hook}`);
  for (const change of changes) {
    const [its, table = '', kind, chain] = change.place.split(' ');
    if (its !== family) continue;
    if (kind === 'hook') hookLines(sections(table), change);
    else if (kind === 'chain') chainLines(sections(table), change);
    else ruleLines(sections(table), chain ?? '', change);
  }
  for (const { table, chains } of instead) {
    const wanted = new Set(changes.filter(({ place }) => place === `${family} ${table} chain`).map(({ key }) => key));
    for (const chain of chains.keys()) if (!wanted.has(chain)) removeChain(sections(table), chain);
  }
  return [...tables].map(([table, { declared, rules, removed }]) => [`*${table}`, ...declared, ...rules, ...removed, 'COMMIT', ''].join('\n')).join('');
}

/** First in its chain. */
function hookLines({ rules }: Sections, { key, after }: Change): void {
  rules.push(after === undefined ? `-D ${key}` : `-I ${key}`);
}

function chainLines(sections: Sections, { key, after }: Change): void {
  if (after === undefined) {
    removeChain(sections, key);
    return;
  }
  sections.declared.push(`:${key} - [0:0]`);
  for (const line of after.split('\n')) if (line !== '') sections.rules.push(`-A ${key} ${line}`);
}

/** Declaring a chain empties it, and it can go only when it is empty and nothing leads to it. */
function removeChain({ declared, removed }: Sections, chain: string): void {
  declared.push(`:${chain} - [0:0]`);
  removed.push(`-X ${chain}`);
}

function ruleLines({ rules }: Sections, chain: string, { key, before, after }: Change): void {
  if (after !== undefined && before === undefined) rules.push(`-A ${chain} ${key}`);
  else if (after === undefined) rules.push(`-D ${chain} ${key}`);
}
