/** Serves the page, and tells it what happens as server-sent events. Whoever comes late is told everything first. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { NodePods } from './cluster-map.ts';
import type { Phase, Point, Verdict } from './run.ts';

/** What the page is told; every field may be left out. */
export interface Update {
  readonly title?: string;
  /** What is not real, in a sentence; empty: everything is. */
  readonly simulated?: string;
  readonly phase?: Phase;
  readonly points?: readonly Point[];
  readonly nodes?: readonly NodePods[];
  readonly verdict?: Verdict;
}

export interface Page {
  readonly url: string;
  tell(update: Update): void;
  close(): void;
}

const pointsKept = 900;
/** Of what a browser does not read; then it is let go, and comes back for everything. */
const unreadBytesMax = 4 << 20;

export async function servePage(port: number): Promise<Page> {
  const html = readFileSync(join(import.meta.dirname, 'page.html'));
  const viewers = new Set<ServerResponse>();
  const nodes = new Map<string, NodePods>();
  let known: Update = {};
  const server = createServer((request, response) => {
    if (request.url !== '/events') {
      const found = request.url === '/';
      response.writeHead(found ? 200 : 404, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'" });
      response.end(found ? html : 'not found');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(eventOf({ ...known, nodes: [...nodes.values()] }));
    viewers.add(response);
    response.on('close', () => viewers.delete(response));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    tell(update) {
      for (const node of update.nodes ?? []) nodes.set(node.name, node);
      known = { ...known, ...update, points: [...(known.points ?? []), ...(update.points ?? [])].slice(-pointsKept) };
      const event = eventOf(update);
      for (const viewer of viewers) if (viewer.writableLength > unreadBytesMax) viewer.destroy();
        else viewer.write(event);
    },
    close() {
      server.close();
      for (const viewer of viewers) viewer.destroy();
    },
  };
}

function eventOf(update: Update): string {
  return `data: ${JSON.stringify(update)}\n\n`;
}
