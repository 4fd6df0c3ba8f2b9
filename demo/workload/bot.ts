/**
 * A load bot: resolves the Service once, keeps its connections, and sends so many
 * requests a second whether or not earlier ones were answered. The time of each
 * runs from when it was due, so a stall is seen in all that waited behind it.
 * Nothing is tried twice: what fails has failed.
 */
import { lookup } from 'node:dns/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { env } from 'node:process';
import { RecentSeconds } from './second.ts';

const target = new URL(env.TARGET ?? 'http://web/');
const perSecond = Number(env.RATE ?? 1000);
const connectionsMax = Number(env.CONNECTIONS ?? 16);
const timeoutMs = 5000;
/** So many seconds' requests may wait for a connection; more have failed. */
const backlogSeconds = 10;

const seconds = new RecentSeconds(30);
const now = () => Math.floor(Date.now() / 1000);
const request = Buffer.from(`GET ${target.pathname} HTTP/1.1\r\nHost: ${target.host}\r\n\r\n`);
const waiting: number[] = [];
const idle: Connection[] = [];

class Connection {
  readonly #address: string;
  #socket: Socket | undefined;
  #received = '';
  #dueMs = 0;
  #sentMs = 0;
  busy = false;

  constructor(address: string) {
    this.#address = address;
  }

  send(dueMs: number): void {
    this.busy = true;
    this.#dueMs = dueMs;
    this.#sentMs = performance.now();
    this.#socket ??= this.#open();
    this.#socket.write(request);
  }

  expire(nowMs: number): void {
    if (this.busy && nowMs - this.#sentMs > timeoutMs) this.#end('no answer in time');
  }

  #open(): Socket {
    const socket = connect({ host: this.#address, port: Number(target.port || 80), noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => void (socket === this.#socket && this.#receive(text)));
    socket.on('error', (error: NodeJS.ErrnoException) => void (socket === this.#socket && this.#end(error.code ?? 'error')));
    socket.on('close', () => void (socket === this.#socket && this.#end('closed')));
    return socket;
  }

  #receive(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd).toLowerCase();
    const length = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? 0);
    if (this.#received.length < headEnd + 4 + length) return;
    this.#received = this.#received.slice(headEnd + 4 + length);
    const counts = seconds.at(now(), 1);
    if (head.startsWith('http/1.1 200')) counts.succeed(/\r\nx-version: *(\S+)/.exec(head)?.[1] ?? '', performance.now() - this.#dueMs);
    else counts.fail(head.slice(9, 12));
    if (head.includes('\r\nconnection: close')) this.#drop();
    this.#rest();
  }

  /** A connection that ends between two requests is no failure. */
  #end(reason: string): void {
    this.#drop();
    if (!this.busy) return;
    seconds.at(now(), 1).fail(reason);
    this.#rest();
  }

  #drop(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#received = '';
  }

  #rest(): void {
    this.busy = false;
    const next = waiting.shift();
    if (next === undefined) idle.push(this);
    else this.send(next);
  }
}

const { address } = await lookup(target.hostname);
const connections = Array.from({ length: connectionsMax }, () => new Connection(address));
idle.push(...connections);

const startMs = performance.now();
let due = 0;
setInterval(() => {
  const nowMs = performance.now();
  const counts = seconds.at(now(), 1);
  for (const wanted = Math.floor(((nowMs - startMs) * perSecond) / 1000); due < wanted; due++) {
    const dueMs = startMs + (due * 1000) / perSecond;
    // First come, first served: the connection that has rested longest.
    const connection = idle.shift();
    if (connection) connection.send(dueMs);
    else if (waiting.length < perSecond * backlogSeconds) waiting.push(dueMs);
    else counts.fail('not sent: too many wait');
  }
  for (const connection of connections) connection.expire(nowMs);
}, 1);

const stats = createServer((query, response) => {
  const since = Number(new URL(query.url ?? '/', 'http://bot').searchParams.get('since') ?? 0);
  const body = JSON.stringify(seconds.between(since, now()));
  response.writeHead(200, { 'content-type': 'application/json' }).end(body);
});
stats.listen(Number(env.PORT ?? 8081), env.HOST, () => process.stdout.write(`${JSON.stringify({ port: (stats.address() as AddressInfo).port })}\n`));
process.on('SIGTERM', () => process.exit(0));
