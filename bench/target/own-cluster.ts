/** Coxswain, started for a benchmark in a temporary folder: one process, or a process a part. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import type { BenchOptions } from '../lib/options.ts';
import type { WatchedProcess } from '../lib/usage.ts';
import { startFleet } from './fleet.ts';
import { freePort } from './free-port.ts';
import { ManagedProcess } from './managed-process.ts';
import { coxswainCommand, type ClusterShape, type System, type Target } from './target.ts';

/** `fleet`: the nodes within the cluster's process, or as a process beside it, as others must have them. */
export function ownSystem(options: BenchOptions, fleet: 'inside' | 'beside' = 'inside'): System {
  return {
    name: 'Coxswain',
    start: (shape) => {
      const beside = fleet === 'beside' && shape.nodes > 0 ? { fleets: [{ prefix: 'hollow-', nodes: shape.nodes }] } : {};
      return new OwnCluster(options).start({ datastore: options.datastore, ...beside, ...shape });
    },
  };
}

interface ReadyLine {
  readonly kubeconfig: string;
  readonly apiReadyMs: number;
  readonly nodesReadyMs: number;
}

class OwnCluster {
  readonly #options: BenchOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
  readonly #beganAt = performance.now();
  readonly #failure = Promise.withResolvers<never>();
  /** In the order they are started in. */
  readonly #running = new Map<string, { process: ManagedProcess; role: WatchedProcess['role'] }>();

  constructor(options: BenchOptions) {
    this.#options = options;
    process.once('exit', this.#remove);
    // Whoever waits for `failed` hears of it; nobody has to.
    this.#failure.promise.catch(() => {});
  }

  async start(shape: ClusterShape): Promise<Target> {
    try {
      return await (shape.separate || shape.parts === 'scheduler' ? this.#separate(shape) : this.#together(shape));
    } catch (error) {
      await this.#stop();
      throw error;
    }
  }

  async #together(shape: ClusterShape): Promise<Target> {
    const nodes = shape.fleets ? 0 : shape.nodes;
    const ready = await this.#run('coxswain', ['up', '--port', '0', '--nodes', String(nodes), ...this.#data(shape), '--output', 'json']);
    return this.#target(shape, ready);
  }

  async #separate(shape: ClusterShape): Promise<Target> {
    // The same port after a restart, as clients expect.
    const port = await freePort();
    const startServer = () => this.#run('apiserver', ['apiserver', '--port', String(port), ...this.#data(shape), '--output', 'json', '--log-level', 'warn']);
    const ready = await startServer();
    const parts = shape.parts === 'scheduler' ? ['scheduler'] : ['controllers', 'scheduler'];
    for (const part of parts) this.#spawn(part, [part, '--kubeconfig', ready.kubeconfig, '--metrics-port', '0', '--log-level', 'warn', ...(part === 'controllers' ? ['--service-account-private-key-file', join(this.#directory, 'pki', 'sa.key')] : [])]);
    const fleets = shape.fleets ?? (shape.nodes > 0 ? [{ prefix: 'node-', nodes: shape.nodes }] : []);
    const target = await this.#target({ ...shape, fleets }, ready);
    return {
      ...target,
      apiServer: {
        kill: () => (this.#running.get('apiserver') as { process: ManagedProcess }).process.kill(),
        start: async () => void (await startServer()),
      },
    };
  }

  async #target(shape: ClusterShape, ready: ReadyLine): Promise<Target> {
    const config = loadKubeconfig(ready.kubeconfig);
    const fleets = new Map<string, { kill(): Promise<void> }>();
    const starting = Promise.all(
      (shape.fleets ?? []).map(async (fleetShape) => {
        const fleet = startFleet(fleetShape, { kubeconfig: ready.kubeconfig, directory: this.#directory, onFailure: this.#failure.reject });
        this.#running.set(fleet.process.name, { process: fleet.process, role: 'fleet' });
        fleets.set(fleetShape.prefix, fleet.process);
        await fleet.ready(config);
      }),
    );
    await Promise.race([starting, this.#failure.promise]);
    return {
      config,
      kubeconfig: ready.kubeconfig,
      startMs: { api: ready.apiReadyMs, nodes: shape.fleets ? performance.now() - this.#beganAt : ready.nodesReadyMs },
      processes: () => [...this.#running].map(([name, { process: { pid }, role }]) => ({ name, role, pid })),
      fleets,
      failed: this.#failure.promise,
      stop: () => this.#stop(),
    };
  }

  #data({ datastore = 'sqlite' }: ClusterShape): string[] {
    return ['--data-dir', this.#directory, '--datastore', datastore];
  }

  async #run(name: string, args: readonly string[]): Promise<ReadyLine> {
    return JSON.parse(await this.#spawn(name, args).line((line) => line.startsWith('{"ready":true'))) as ReadyLine;
  }

  #spawn(name: string, args: readonly string[]): ManagedProcess {
    const { profile } = this.#options;
    const flags = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [];
    const started = new ManagedProcess({ name, command: process.execPath, args: [...flags, coxswainCommand, ...args], logFile: join(this.#directory, `${name}.log`), onFailure: this.#failure.reject });
    this.#running.set(name, { process: started, role: 'server' });
    return started;
  }

  async #stop(): Promise<void> {
    // The API server last: the others have things to say to it at their end.
    for (const { process: running } of [...this.#running.values()].reverse()) await running.stop();
    process.off('exit', this.#remove);
    this.#remove();
  }

  readonly #remove = (): void => rmSync(this.#directory, { recursive: true, force: true });
}
