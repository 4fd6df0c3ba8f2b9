/**
 * Polls every bot each second and adds up what they saw. It finds them by the
 * addresses of their headless Service in DNS (BOTS=host:port), or is told them
 * (BOTS=host:port,host:port).
 */
import { resolve4 } from 'node:dns/promises';
import { Agent, createServer, get } from 'node:http';
import { isIP } from 'node:net';
import type { AddressInfo } from 'node:net';
import { env } from 'node:process';
import { RecentSeconds } from './second.ts';
import type { Second } from './second.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const seconds = new RecentSeconds(60);
const now = () => Math.floor(Date.now() / 1000);
/** A second is told when the polls that may still bring some of it are over. */
const settledSeconds = 3;
const timeoutMs = 2000;
/** Up to which second each bot has told. */
const heard = new Map<string, number>();

async function bots(): Promise<string[]> {
  const found = await Promise.all(
    (env.BOTS ?? '').split(',').filter(Boolean).map(async (entry) => {
      const [host = '', port = '8081'] = entry.split(':');
      const addresses = isIP(host) ? [host] : await resolve4(host).catch(() => []);
      return addresses.map((address) => `${address}:${port}`);
    }),
  );
  return found.flat();
}

async function poll(bot: string): Promise<void> {
  const since = heard.get(bot) ?? now() - settledSeconds - 1;
  for (const one of await fetchSeconds(`http://${bot}/stats?since=${since}`)) {
    seconds.at(one.second, 0).merge(one);
    heard.set(bot, one.second);
  }
}

function fetchSeconds(url: string): Promise<Second[]> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent, timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', reject);
      response.on('end', () => {
        try {
          resolve(JSON.parse(text) as Second[]);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time'))).on('error', reject);
  });
}

setInterval(() => {
  // A bot that has gone, or has not begun, has nothing to tell.
  void bots().then((found) => Promise.all(found.map((bot) => poll(bot).catch(() => {}))));
}, 1000);

const server = createServer((query, response) => {
  const since = Number(new URL(query.url ?? '/', 'http://aggregator').searchParams.get('since') ?? 0);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(seconds.between(since, now() - settledSeconds)));
});
server.listen(Number(env.PORT ?? 8082), env.HOST, () => process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`));
process.on('SIGTERM', () => process.exit(0));
