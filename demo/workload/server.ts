/**
 * The server that the demo puts load on: a small static page that says which
 * version and pod it came from.
 *
 * It ends without failing a request: told to stop, it goes on answering and asks
 * each connection to close with its answer. Only when the last has gone, or the
 * time for it is over, it exits.
 */
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { env, exit } from 'node:process';

const version = env.VERSION ?? 'v1';
const drainMs = 8000;
/** A fresh process is slow until its code is compiled: it becomes ready after that, and takes its time, as others serve meanwhile. */
const warmUp = { requests: 500, pauseMs: 3 };

const page = Buffer.from(`<!doctype html><title>hello</title><p>Hello from ${version} on ${hostname()}\n`);
const headers = { 'content-type': 'text/html', 'content-length': page.length, 'x-version': version };

let ready = false;
let stopping = false;

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  if (stopping) response.shouldKeepAlive = false;
  if (request.url === '/ready') {
    response.writeHead(ready ? 200 : 503).end();
    return;
  }
  response.writeHead(200, headers);
  response.end(page);
});

server.listen(Number(env.PORT ?? 8080), env.HOST, () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ port, version })}\n`);
  prepare(port, warmUp.requests);
});

function prepare(port: number, left: number): void {
  if (left === 0) {
    ready = true;
    return;
  }
  const next = () => setTimeout(prepare, warmUp.pauseMs, port, left - 1);
  get({ host: env.HOST ?? '127.0.0.1', port }, (response) => response.resume().on('end', next)).on('error', next);
}

process.on('SIGTERM', () => {
  if (stopping) return;
  stopping = true;
  const deadline = performance.now() + drainMs;
  setInterval(() => server.getConnections((_, open) => void ((open === 0 || performance.now() > deadline) && exit(0))), 50);
});
