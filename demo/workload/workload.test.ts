import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { LatencyCounts } from './latency.ts';
import type { Second } from './second.ts';

async function start(name: string, env: Record<string, string>): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`)], { env: { ...process.env, HOST: '127.0.0.1', PORT: '0', ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: (JSON.parse(String(line)) as { port: number }).port };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100));
}

const secondsOf = async (port: number) => (await (await fetch(`http://127.0.0.1:${port}/stats`)).json()) as Second[];
const sum = (seconds: readonly Second[], value: (second: Second) => number) => seconds.reduce((total, one) => total + value(one), 0);

describe('the parts of the load, as plain processes', () => {
  test('a server that is told to stop under load ends without a failed request', async () => {
    const server = await start('server', { VERSION: 'v7' });
    await until(async () => (await fetch(`http://127.0.0.1:${server.port}/ready`)).ok);
    const bot = await start('bot', { TARGET: `http://127.0.0.1:${server.port}/`, RATE: '200', CONNECTIONS: '4' });
    const aggregator = await start('aggregator', { BOTS: `127.0.0.1:${bot.port}` });
    try {
      await until(async () => sum(await secondsOf(aggregator.port), ({ succeeded }) => succeeded) > 300);
      const before = await secondsOf(aggregator.port);
      assert.equal(sum(before, ({ failed }) => failed), 0);
      assert.ok(before.every(({ versions, bots, succeeded }) => bots === 1 && (versions.v7 ?? 0) === succeeded));

      const told = async () => (await fetch(`http://127.0.0.1:${server.port}/`)).headers.get('connection') === 'close';
      server.child.kill('SIGTERM');
      await until(told);
      // Only now, as the bot knows no other server to go to.
      bot.child.kill('SIGKILL');
      const [code] = (await once(server.child, 'exit')) as [number];
      assert.equal(code, 0, 'gone with its last connection');
    } finally {
      for (const { child } of [server, bot, aggregator]) child.kill('SIGKILL');
    }
  });

  test('what cannot be reached has failed, and is counted', async () => {
    const bot = await start('bot', { TARGET: 'http://127.0.0.1:1/', RATE: '50', CONNECTIONS: '2' });
    try {
      await until(async () => sum(await secondsOf(bot.port), ({ failed }) => failed) > 20);
      const seconds = await secondsOf(bot.port);
      assert.equal(sum(seconds, ({ succeeded }) => succeeded), 0);
      assert.ok(seconds.some(({ failures }) => (failures.ECONNREFUSED ?? 0) > 0));
    } finally {
      bot.child.kill('SIGKILL');
    }
  });
});

test('quantiles of counts that were added up', () => {
  const [even, odd, all] = [new LatencyCounts(), new LatencyCounts(), new LatencyCounts()];
  for (let ms = 1; ms <= 1000; ms++) (ms % 2 ? odd : even).add(ms);
  for (const part of [even, odd]) all.merge(part.buckets(), part.sumMs);
  assert.equal(all.count, 1000);
  assert.equal(all.meanMs(), 500.5);
  const p99 = all.quantileMs(0.99);
  assert.ok(p99 >= 990 && p99 < 990 * 1.03, String(p99));
  assert.equal(new LatencyCounts().quantileMs(0.99), 0);
});
