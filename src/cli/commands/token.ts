import { randomInt } from 'node:crypto';
import { systemClock } from '../../base/clock.ts';
import { Client } from '../../client/client.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { createToken as create, deleteToken as remove, joinFacts, listTokens as list, newToken } from '../../cluster/joining/tokens.ts';
import { bold, cyan, say } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';

export interface TokenCommandOptions {
  readonly kubeconfig: string;
}

export interface TokenCreateOptions extends TokenCommandOptions {
  readonly ttl: string;
  readonly description?: string;
}

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Makes a bootstrap token and says how a machine joins with it. */
export async function createToken(token: string | undefined, options: TokenCreateOptions): Promise<void> {
  const made = token ?? newToken((bound) => randomInt(bound));
  await withClient(options, async (client) => {
    await create(client, systemClock(), { token: made, ttlMs: durationMs(options.ttl), description: options.description });
    const { server, authorityHash } = await joinFacts(client);
    say(bold(made));
    say();
    say(`  ${cyan(`coxswain kubelet --server ${server} --token ${made} --ca-hash ${authorityHash}`)}`);
  });
}

export async function listTokens(options: TokenCommandOptions): Promise<void> {
  await withClient(options, async (client) => {
    const now = systemClock().now();
    for (const { token, expiresAt, usages, groups, description } of await list(client)) {
      const left = expiresAt === undefined ? 'for ever' : expiresAt <= now ? 'expired' : `${Math.ceil((expiresAt - now) / 60_000)}m`;
      say([token, left, usages.join(','), groups, description].join('  ').trimEnd());
    }
  });
}

export async function deleteToken(token: string, options: TokenCommandOptions): Promise<void> {
  await withClient(options, (client) => remove(client, token));
}

async function withClient(options: TokenCommandOptions, use: (client: Client) => Promise<void>): Promise<void> {
  const transport = http2Transport(loadKubeconfig(options.kubeconfig), { clock: systemClock(), shared: true });
  try {
    await use(new Client(transport, { clock: systemClock() }));
  } finally {
    await transport.close();
  }
}

/** `24h`, `90m`; 0: without an end. */
function durationMs(text: string): number {
  const [, number, unit = ''] = /^(\d+)([smhd])?$/.exec(text) ?? [];
  if (number === undefined || (unit === '' && number !== '0')) throw new UsageError(`--ttl takes a time, as 24h, or 0 for a token without an end, not "${text}"`);
  return Number(number) * (unitsMs[unit] ?? 0);
}
