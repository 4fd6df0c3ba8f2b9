/**
 * What a benchmark runs against: a cluster of its own, started as a child
 * process in a temporary directory, or (`--kubeconfig`) any Kubernetes API that
 * is there already, so that the same client measures others as well.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKubeconfig, type ConnectionConfig } from '../../src/client/kubeconfig.ts';
import type { BenchOptions } from './bench.ts';
import { encodeHead, H2Connection } from './h2-connection.ts';

const command = join(import.meta.dirname, '../../bin/coxswain.js');

export interface Target {
  readonly config: ConnectionConfig;
  /** Its file, for what runs as a process of its own. */
  readonly kubeconfig: string;
  /** The server's, where it is known. */
  readonly pid: number | undefined;
  /** From the start of the process, as it says itself; 0 where the target was there already. */
  readonly apiReadyMs: number;
  readonly nodesReadyMs: number;
  stop(): Promise<void>;
}

export interface ClusterShape {
  readonly nodes?: number;
  readonly datastore?: string;
  readonly port?: number;
}

/** `--kubeconfig` wins over a cluster of its own. */
export async function openTarget(options: BenchOptions, shape: ClusterShape = {}): Promise<Target> {
  if (!options.kubeconfig) return startOwn(options, shape);
  return {
    config: loadKubeconfig(options.kubeconfig),
    kubeconfig: options.kubeconfig,
    pid: options.serverPid,
    apiReadyMs: 0,
    nodesReadyMs: 0,
    stop: () => Promise.resolve(),
  };
}

interface ReadyLine {
  readonly kubeconfig: string;
  readonly apiReadyMs: number;
  readonly nodesReadyMs: number;
}

async function startOwn(options: BenchOptions, { nodes = 0, datastore = 'sqlite', port = 0 }: ClusterShape): Promise<Target> {
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
  const profile = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}`] : [];
  const up = ['up', '--data-dir', directory, '--port', String(port), '--nodes', String(nodes), '--datastore', datastore, '--output', 'json'];
  const child = spawn(process.execPath, [...profile, ...options.nodeFlags, command, ...up], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const killNow = () => child.kill('SIGKILL');
  process.once('exit', killNow);
  const stop = async () => {
    child.kill('SIGTERM');
    const cut = setTimeout(killNow, 15_000);
    await gone;
    clearTimeout(cut);
    process.off('exit', killNow);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const ready = await readyLine(child);
    return { ...ready, config: loadKubeconfig(ready.kubeconfig), pid: child.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function readyLine(child: ChildProcess): Promise<ReadyLine> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const line of text.split('\n')) if (line.startsWith('{"ready":true') && line.endsWith('}')) resolve(JSON.parse(line) as ReadyLine);
    });
    child.once('exit', (code) => reject(new Error(`the cluster ended before it was ready (exit code ${code})`)));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Requests by path, over one connection. */
export class Api {
  readonly connection: H2Connection;
  readonly #authority: string;

  private constructor(connection: H2Connection, config: ConnectionConfig) {
    this.connection = connection;
    this.#authority = new URL(config.server).host;
  }

  static async open(config: ConnectionConfig): Promise<Api> {
    return new Api(await H2Connection.open(config), config);
  }

  head(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', target: string): Buffer {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : method === 'GET' ? undefined : 'application/json';
    return encodeHead({ method, target, authority: this.#authority, ...(contentType ? { contentType } : {}) });
  }

  /** Throws where the answer is no success. */
  async call(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', target: string, body?: unknown): Promise<Buffer> {
    const answer = await this.connection.request(this.head(method, target), body === undefined ? undefined : Buffer.from(JSON.stringify(body)));
    if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${target}: ${answer.status} ${answer.body.toString().slice(0, 400)}`);
    return answer.body;
  }

  close(): void {
    this.connection.close();
  }
}
