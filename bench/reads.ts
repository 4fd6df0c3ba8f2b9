/** GETs of one object of 4 kB, as many a second as the server answers. */
import { configMap } from './lib/objects.ts';
import { measureRates, onTarget } from './lib/on-target.ts';
import type { Bench } from './lib/run.ts';

const defaultDurationS = 5;

export const reads: Bench = {
  title: 'Reads of one object',
  run: (run) =>
    onTarget(run, 'reads', async (on) => {
      const { api, namespace } = on;
      const seconds = run.options.durationS ?? defaultDurationS;
      const maps = `/api/v1/namespaces/${namespace}/configmaps`;
      await api.call('POST', maps, configMap('read-me', 3700));
      const bytes = (await api.call('GET', `${maps}/read-me`)).length;
      run.settings({ bytes, 'seconds each': seconds });
      const request = { head: api.head('GET', `${maps}/read-me`) };
      await measureRates(on, {
        figure: 'GETs of one object',
        unit: 'reads',
        chart: 'Reads a second',
        seconds,
        loads: [
          { clients: 1, connections: 1 },
          { clients: 100, connections: 4 },
          { clients: 100, connections: 100 },
        ],
        atLeast: 15_000,
        next: () => request,
        expectedStatus: 200,
      });
    }),
};
