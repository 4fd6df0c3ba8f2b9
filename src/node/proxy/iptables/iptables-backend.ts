/**
 * Rules in iptables, in chains whose names begin with `KUBE-`, as upstream's:
 * whoever looks at a node finds what he knows. Each table is changed at once;
 * the tables of a node one after the other, for iptables has no more than that.
 */
import type { RuleBackend } from '../rules/backend.ts';
import type { RunCommand } from '../../system/command.ts';
import type { Change, Part } from '../rules/rule-table.ts';
import { iptablesScript } from './iptables-script.ts';
import type { Present } from './iptables-script.ts';

const tables = ['nat', 'filter'] as const;
/** For the lock that all iptables commands share. */
const waitSeconds = '5';

export class IptablesBackend implements RuleBackend {
  readonly #run: RunCommand;
  readonly #families: readonly string[];

  /** `families`: `ip`, `ip6`. */
  constructor(run: RunCommand, families: readonly string[]) {
    this.#run = run;
    this.#families = families;
  }

  async apply(changes: readonly Change[], afresh: boolean): Promise<void> {
    for (const family of this.#families) {
      const instead = afresh ? await Promise.all(tables.map((table) => this.#present(family, table))) : [];
      await this.#restore(family, iptablesScript(family, changes, instead));
    }
  }

  async audit(applied: Iterable<Part>, signal: AbortSignal): Promise<string | undefined> {
    const counts = new Map<string, number>();
    const hooks = new Map<string, number>();
    const add = (map: Map<string, number>, key: string, count: number) => map.set(key, (map.get(key) ?? 0) + count);
    for (const { place, key, value } of applied) {
      const [family = '', table = '', kind, chain] = place.split(' ');
      if (kind === 'hook') add(hooks, `${family} ${table}`, 1);
      else if (kind === 'chain') add(counts, `${family} ${table} ${key}`, value.split('\n').filter((line) => line !== '').length);
      else add(counts, `${family} ${table} ${chain}`, 1);
    }
    for (const family of this.#families) {
      for (const table of tables) {
        const found = await this.#present(family, table, signal);
        const name = `${family} ${table}`;
        if (found.hooks.length !== (hooks.get(name) ?? 0)) return `${found.hooks.length} rules lead to the chains in ${name}, instead of ${hooks.get(name) ?? 0}`;
        for (const [chain, count] of counts) {
          if (!chain.startsWith(`${name} `)) continue;
          const there = found.chains.get(chain.slice(name.length + 1));
          if (there !== count) return `${chain} has ${there ?? 'no'} rules instead of ${count}`;
        }
      }
    }
    return undefined;
  }

  async remove(): Promise<void> {
    for (const family of this.#families) {
      await this.#restore(family, iptablesScript(family, [], await Promise.all(tables.map((table) => this.#present(family, table)))));
    }
  }

  async #present(family: string, table: string, signal?: AbortSignal): Promise<Present> {
    const saved = await this.#run(`${toolOf(family)}-save`, ['-t', table], signal ? { signal } : {});
    const chains = new Map<string, number>();
    const hooks: string[] = [];
    for (const line of saved.split('\n')) {
      const chain = line.startsWith(':') ? (line.slice(1).split(' ')[0] ?? '') : (line.split(' ')[1] ?? '');
      if (isOurs(chain)) chains.set(chain, (chains.get(chain) ?? 0) + (line.startsWith('-A ') ? 1 : 0));
      else if (line.startsWith('-A ') && isOurs(/ -j (\S+)/.exec(line)?.[1] ?? '')) hooks.push(line.slice('-A '.length));
    }
    return { table, chains, hooks };
  }

  async #restore(family: string, script: string): Promise<void> {
    if (script !== '') await this.#run(`${toolOf(family)}-restore`, ['--noflush', '-w', waitSeconds], { input: script });
  }
}

function toolOf(family: string): string {
  return family === 'ip6' ? 'ip6tables' : 'iptables';
}

/** Two names of that form are the kubelet's. */
function isOurs(chain: string): boolean {
  return chain.startsWith('KUBE-') && !chain.startsWith('KUBE-KUBELET') && chain !== 'KUBE-FIREWALL';
}
