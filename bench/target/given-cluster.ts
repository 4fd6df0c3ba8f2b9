/** A cluster that is there already, by its kubeconfig; with hollow nodes of ours unless it has nodes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import type { BenchOptions } from '../lib/options.ts';
import type { WatchedProcess } from '../lib/usage.ts';
import { startFleet, type Fleet } from './fleet.ts';
import type { System, Target } from './target.ts';

export function givenSystem(options: BenchOptions, kubeconfig: string): System {
  const config = loadKubeconfig(kubeconfig);
  return {
    name: config.server,
    async start(shape): Promise<Target> {
      const wanted = shape.fleets ?? (shape.nodes > 0 ? [{ prefix: 'hollow-', nodes: shape.nodes }] : []);
      const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
      const failure = Promise.withResolvers<never>();
      failure.promise.catch(() => {});
      const fleets = new Map<string, Fleet>();
      if (options.fleet) for (const fleet of wanted) fleets.set(fleet.prefix, startFleet(fleet, { kubeconfig: options.fleetKubeconfig ?? kubeconfig, directory, onFailure: failure.reject }));
      const stop = async () => {
        await Promise.all([...fleets.values()].map((fleet) => fleet.process.stop()));
        rmSync(directory, { recursive: true, force: true });
      };
      try {
        await Promise.all([...fleets.values()].map((fleet) => fleet.ready(config)));
      } catch (error) {
        await stop();
        throw error;
      }
      const server: WatchedProcess[] = options.serverPid ? [{ name: 'server', role: 'server', pid: options.serverPid }] : [];
      return {
        config,
        kubeconfig,
        startMs: undefined,
        processes: () => [...server, ...[...fleets.values()].map(({ process: { name, pid } }): WatchedProcess => ({ name, role: 'fleet', pid }))],
        fleets: new Map([...fleets].map(([prefix, fleet]) => [prefix, fleet.process])),
        failed: failure.promise,
        stop,
      };
    },
  };
}
