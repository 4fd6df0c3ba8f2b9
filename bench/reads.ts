/** GETs of one object of 4 kB, as many a second as the server answers. */
import { Api } from './lib/api.ts';
import { latencyNote, openConnections, runLoad } from './lib/closed-loop.ts';
import { createNamespace, deleteNamespace } from './lib/namespaces.ts';
import { configMap } from './lib/objects.ts';
import { systemName } from './lib/measurement.ts';
import type { Bench } from './lib/run.ts';
import { startTarget } from './lib/start-target.ts';
import { Usage } from './lib/usage.ts';
import type { H2Connection } from './lib/h2-connection.ts';

const defaultDurationS = 5;
const warmUpMs = 3000;

export const reads: Bench = {
  title: 'Reads of one object',
  async run(run) {
    const seconds = run.options.durationS ?? defaultDurationS;
    const target = await startTarget(run, { nodes: 0 });
    const api = await Api.open(target.config);
    try {
      run.measured(await systemName(run, api));
      const usage = new Usage(() => target.processes(), run.beganAt);
      const namespace = await createNamespace(api, 'reads');
      const maps = `/api/v1/namespaces/${namespace}/configmaps`;
      await api.call('POST', maps, configMap('read-me', 3700));
      const bytes = (await api.call('GET', `${maps}/read-me`)).length;
      run.settings({ bytes, 'seconds each': seconds });
      const request = { head: api.head('GET', `${maps}/read-me`) };
      const load = (connections: readonly H2Connection[], clients: number, durationMs: number) =>
        runLoad({ connections, clients, durationMs, next: () => request, expectedStatus: 200 });
      await load([await api.connection()], 50, warmUpMs);
      for (const [clients, count] of [[1, 1], [100, 4], [100, 100]] as const)
        await run.phase(`${clients} clients`, 'reads', undefined, async (progress) => {
          const connections = await openConnections(target.config, count);
          const cpu = usage.stretch();
          const { perSecond, latency, count: done } = await load(connections, clients, seconds * 1000);
          progress.set(done);
          const bound = clients === 100 ? { target: { atLeast: 15_000 } } : {};
          run.figure({ name: `GETs of one object, ${clients} clients, ${count} connections`, value: perSecond, unit: '/s', chart: 'Reads a second', ...bound, note: `${latencyNote(latency)}; ${cpu()}` });
          for (const connection of connections) connection.close();
        });
      await deleteNamespace(api, namespace);
      const found = usage.stop();
      run.usage(found.usage);
      run.series(...found.series);
    } finally {
      api.close();
      await target.stop();
    }
  },
};
