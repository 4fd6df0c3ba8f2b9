/**
 * A thousand informers begin at once, as after a network partition: each asks
 * for a streaming list (a watch that sends what there is, then a bookmark) of
 * the same collection, and stays. How long until they all have it, and what
 * others notice.
 */
import { Api } from './lib/api.ts';
import { createMany, openConnections } from './lib/closed-loop.ts';
import type { H2Connection } from './lib/h2-connection.ts';
import { Measurement } from './lib/measurement.ts';
import { createNamespace } from './lib/namespaces.ts';
import { configMap } from './lib/objects.ts';
import { summarize } from './lib/percentile.ts';
import type { Bench } from './lib/run.ts';
import { startTarget } from './lib/start-target.ts';
import { openWatch } from './lib/watchers.ts';

const defaultInformers = 1000;
const objects = 500;
const objectBytes = 2900;
const streamsPerConnection = 20;
const rounds = 3;
const bookmark = Buffer.from('k8s.io/initial-events-end');

export const listStorm: Bench = {
  title: 'List storm',
  async run(run) {
    const informers = run.options.count ?? defaultInformers;
    const target = await startTarget(run, { nodes: 0 });
    const api = await Api.open(target.config);
    try {
      const namespace = await createNamespace(api, 'storm');
      const maps = `/api/v1/namespaces/${namespace}/configmaps`;
      await run.phase('fill', 'objects', objects, (progress) => createMany(api, maps, objects, (index) => configMap(`map-${index}`, objectBytes), () => progress.add()));
      run.settings({ informers, objects, 'bytes each': objectBytes });
      const measurement = await Measurement.open(run, target);
      const before = measurement.usage.serverMemory();
      const all: number[] = [];
      for (let round = 1; round <= rounds; round++) {
        const cpu = measurement.usage.stretch();
        const { times, bytes } = await measurement.phase(`storm ${round}`, 'informers', informers, (progress) => storm(api, maps, informers, () => progress.add()));
        const { p50, p99, max } = summarize(times);
        run.figure({ name: `storm ${round}: ${informers} informers in step`, value: max, unit: 'ms', note: `p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms; ${Math.round(bytes / 1e6)} MB; ${cpu()}` });
        all.push(...times);
      }
      run.distribution('Until an informer is in step', 'all informers', 'ms', all);
      const memory = measurement.usage.serverMemory();
      if (memory.nowMb > 0) run.figure({ name: 'the server’s growth meanwhile', value: memory.highestMb - before.nowMb, unit: 'MB' });
      await measurement.finish();
    } finally {
      api.close();
      await target.stop();
    }
  },
};

/** Milliseconds of each informer, from the moment that all of them set out. */
export async function storm(api: Api, collection: string, informers: number, onDone: () => void): Promise<{ times: number[]; bytes: number }> {
  const connections = await openConnections(api.config, Math.ceil(informers / streamsPerConnection));
  const head = api.head('GET', `${collection}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`);
  const beganAt = performance.now();
  const times: number[] = [];
  let bytes = 0;
  await Promise.all(
    Array.from({ length: informers }, (_, index) => {
      // The bookmark may come in two pieces.
      let tail = Buffer.alloc(0);
      return new Promise<void>((resolve, reject) =>
        openWatch(
          connections[index % connections.length] as H2Connection,
          head,
          (chunk) => {
            bytes += chunk.length;
            const seam = Buffer.concat([tail, chunk.subarray(0, bookmark.length)]);
            tail = Buffer.from(chunk.subarray(-bookmark.length));
            if (!chunk.includes(bookmark) && !seam.includes(bookmark)) return;
            times.push(performance.now() - beganAt);
            onDone();
            resolve();
          },
          () => reject(new Error('a watch ended before its list was whole')),
        ),
      );
    }),
  );
  for (const connection of connections) connection.close();
  return { times, bytes };
}
