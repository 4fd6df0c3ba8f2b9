/**
 * Many controllers at once: 990 ReplicationControllers created as fast as the
 * client can. Each must come to its pods and to no others, however late the
 * news of its own pods reaches it: a pod too many shows as one that was made
 * and taken away again. The parts are processes of their own, so that what the
 * controllers take of the CPU is told from the rest.
 */
import { Api } from './lib/api.ts';
import { Measurement } from './lib/measurement.ts';
import { createNamespace } from './lib/namespaces.ts';
import { replicationController } from './lib/objects.ts';
import { PodWatch } from './lib/pod-watch.ts';
import { cpuMs } from './lib/processes.ts';
import type { Bench } from './lib/run.ts';
import { controllersOf } from './lib/saturation.ts';
import { startTarget } from './lib/start-target.ts';

const controllersMany = 990;
const podsOfEach = 3;
/** In which a pod too many would be taken away again. */
const settleS = 5;

export const controllers: Bench = {
  title: 'Many controllers at once',
  async run(run) {
    const nodes = run.options.nodes ?? 100;
    const count = run.options.count ?? controllersMany;
    const pods = count * podsOfEach;
    run.settings({ nodes, controllers: count, 'pods of each': podsOfEach });
    const target = await startTarget(run, { nodes, separate: true });
    const measurement = await Measurement.open(run, target);
    const api = await Api.open(target.config, { connections: 4 });
    try {
      const namespace = await createNamespace(api, 'controllers');
      const watch = await PodWatch.open(target.config, { namespace });
      const processes = target.processes().filter(({ role }) => role === 'server');
      const before = new Map(processes.map(({ name, pid }) => [name, cpuMs(pid)]));
      const beganAt = performance.now();
      await measurement.phase('controllers and their pods', 'pods', pods, async (progress) => {
        await Promise.all(Array.from({ length: count }, (_, index) => api.call('POST', controllersOf(namespace), replicationController(`c-${index}`, podsOfEach))));
        await watch.until(() => {
          progress.set(watch.totals.ready);
          return watch.totals.ready >= pods;
        });
      });
      const seconds = (performance.now() - beganAt) / 1000;
      await run.pass('settling', settleS);
      run.figure(
        { name: `${count} controllers: ${pods} pods Running and Ready`, value: seconds, unit: 's', note: `${(pods / seconds).toFixed(0)} pods a second` },
        { name: 'pods made beyond those', value: watch.totals.seen - pods, unit: '', target: { atMost: 0 } },
        ...processes.map(({ name, pid }) => ({ name: `CPU of ${name}`, value: (cpuMs(pid) - (before.get(name) ?? 0)) / pods, unit: 'ms a pod' })),
      );
      watch.close();
      await measurement.finish();
    } finally {
      api.close();
      await target.stop();
    }
  },
};
