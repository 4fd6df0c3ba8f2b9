/** Rules in nftables: one table of our own for each family, and one transaction for all of them. */
import type { RuleBackend } from './backend.ts';
import type { Clock } from '../../../base/clock.ts';
import type { RunCommand } from '../../system/command.ts';
import { nftRemovalScript, nftScript } from './nft-script.ts';
import type { ChainName } from './nft-script.ts';
import type { Change, Part } from './rule-table.ts';

export interface NftBackendOptions {
  readonly run: RunCommand;
  /** Their name, the same for all families. */
  readonly table: string;
  readonly families: readonly string[];
  readonly clock: Clock;
}

/** Before 6.2 the kernel notices only a moment later that no element leads to a chain any more, and refuses to delete it until then. */
const unusedForMs = 1000;
const stepLength = 1000;

export class NftBackend implements RuleBackend {
  readonly #options: NftBackendOptions;
  /** Chains that are empty and to be deleted, and since when. */
  readonly #unused = new Map<string, { readonly name: ChainName; readonly since: number }>();

  constructor(options: NftBackendOptions) {
    this.#options = options;
  }

  async apply(changes: readonly Change[], afresh: boolean): Promise<void> {
    const { run, table, families, clock } = this.#options;
    if (afresh) this.#unused.clear();
    for (const { place, key, after } of changes) if (after !== undefined) this.#unused.delete(`${place} ${key}`);
    const due = [...this.#unused].filter(([, { since }]) => clock.monotonic() - since >= unusedForMs);
    await run('nft', ['-f', '-'], { input: nftScript(table, changes, due.map(([, { name }]) => name), afresh ? families : []) });
    for (const [chain] of due) this.#unused.delete(chain);
    for (const { place, key, before, after } of changes) {
      const [family = '', kind] = place.split(' ');
      if (kind === 'chain' && before !== undefined && after === undefined) this.#unused.set(`${place} ${key}`, { name: { family, chain: key }, since: clock.monotonic() });
    }
  }

  async audit(applied: Iterable<Part>, signal: AbortSignal): Promise<string | undefined> {
    const { run, table, families } = this.#options;
    const expected = new Map<string, Set<string>>();
    const ruleCounts = new Map<string, number>();
    let seen = 0;
    for (const { place, key, value } of applied) {
      if (place.endsWith(' chain')) ruleCounts.set(`${place} ${key}`, value.split('\n').filter((line) => line !== '' && !line.startsWith('type ')).length);
      const keys = expected.get(place);
      if (keys) keys.add(key);
      else expected.set(place, new Set([key]));
      if (++seen % stepLength === 0) await nextTurn();
    }
    for (const family of families) {
      const found = await readListing(family, await run('nft', ['-j', 'list', 'table', family, table], { signal }));
      for (const [place, keys] of expected) {
        if (!place.startsWith(`${family} `)) continue;
        // Sets that traffic fills have elements of their own, and are no place in the table.
        const there = found.keys.get(place);
        for (const key of keys) if (!there?.has(key)) return `${place} has lost ${key}`;
        const foreign = [...(there ?? [])].find((key) => !keys.has(key) && !this.#unused.has(`${place} ${key}`));
        if (foreign !== undefined) return `${place} has ${foreign}, which is not ours`;
      }
      for (const [chain, count] of ruleCounts) {
        if (chain.startsWith(`${family} `) && (found.ruleCounts.get(chain) ?? 0) !== count) return `${chain} has other rules`;
      }
    }
    return undefined;
  }

  async remove(): Promise<void> {
    const { run, table, families } = this.#options;
    await run('nft', ['-f', '-'], { input: nftRemovalScript(table, families) });
  }
}

interface ListedSet {
  readonly name: string;
  readonly elem?: readonly unknown[];
}

interface Listing {
  readonly nftables: readonly {
    readonly chain?: { readonly name: string };
    readonly rule?: { readonly chain: string };
    readonly set?: ListedSet;
    readonly map?: ListedSet;
  }[];
}

async function readListing(family: string, text: string): Promise<{ readonly keys: Map<string, Set<string>>; readonly ruleCounts: Map<string, number> }> {
  const keys = new Map<string, Set<string>>([[`${family} chain`, new Set()], [`${family} set`, new Set()]]);
  const ruleCounts = new Map<string, number>();
  for (const { chain, rule, set, map } of (JSON.parse(text) as Listing).nftables) {
    if (chain) keys.get(`${family} chain`)?.add(chain.name);
    if (rule) {
      const name = `${family} chain ${rule.chain}`;
      ruleCounts.set(name, (ruleCounts.get(name) ?? 0) + 1);
    }
    const named = set ?? map;
    if (!named) continue;
    keys.get(`${family} set`)?.add(named.name);
    const elements = new Set<string>();
    for (const element of named.elem ?? []) {
      elements.add(keyText(map && Array.isArray(element) ? element[0] : element));
      if (elements.size % stepLength === 0) await nextTurn();
    }
    keys.set(`${family} element ${named.name}`, elements);
  }
  return { keys, ruleCounts };
}

/** An audit of tens of thousands of elements lets others have their turn. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** An element's key as it is written in a script. */
function keyText(key: unknown): string {
  if (typeof key !== 'object' || key === null) return String(key);
  const { concat, prefix, range, elem } = key as {
    concat?: readonly unknown[];
    prefix?: { addr: string; len: number };
    range?: readonly [unknown, unknown];
    elem?: { val: unknown };
  };
  if (concat) return concat.map(keyText).join(' . ');
  if (prefix) return `${prefix.addr}/${prefix.len}`;
  if (range) return `${keyText(range[0])}-${keyText(range[1])}`;
  return elem ? keyText(elem.val) : JSON.stringify(key);
}
