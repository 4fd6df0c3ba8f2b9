/** The benchmarks by name, each loaded when it is run. */
import type { Bench } from './lib/run.ts';

interface Entry {
  readonly summary: string;
  load(): Promise<Bench>;
}

export const catalogue: Readonly<Record<string, Entry>> = {
  density: { summary: 'fill the nodes, then start-up latency of single pods, then delete all', load: async () => (await import('./density.ts')).density },
  'high-density': { summary: 'density with 100 pods a node', load: async () => (await import('./density.ts')).highDensity },
  load: { summary: 'create, scale and delete controllers of many sizes (--form 1.2 or modern)', load: async () => (await import('./load.ts')).load },
  startup: { summary: 'start to API ready and to nodes Ready; idle memory and CPU', load: async () => (await import('./startup.ts')).startup },
  nodes: { summary: 'hollow nodes: time to Ready, memory and CPU at rest', load: async () => (await import('./nodes.ts')).nodes },
  reads: { summary: 'GETs of one object a second', load: async () => (await import('./reads.ts')).reads },
  writes: { summary: 'durable creates a second at 1, 10 and 100 clients, beside raw etcd', load: async () => (await import('./writes.ts')).writes },
  lists: { summary: 'LIST of 30,000 pods, one and ten at once', load: async () => (await import('./lists.ts')).lists },
  watches: { summary: 'fan-out to 1000 watchers, and to 5000 watchers by node', load: async () => (await import('./watches.ts')).watches },
  'list-storm': { summary: '1000 streaming informers at once', load: async () => (await import('./list-storm.ts')).listStorm },
  events: { summary: 'an event storm, and what others notice of it', load: async () => (await import('./events.ts')).events },
  scheduler: { summary: 'bare pods at full speed on 5000 nodes, in upstream’s workloads', load: async () => (await import('./scheduler.ts')).scheduler },
  controllers: { summary: '990 controllers at once: no pod doubled, CPU of each part', load: async () => (await import('./controllers.ts')).controllers },
  'bad-weather': { summary: 'API server killed, storms, a namespace deleted, three in ten nodes dead', load: async () => (await import('./bad-weather.ts')).badWeather },
  growth: { summary: 'cost of a pod and of a heartbeat at 100 to 5000 nodes', load: async () => (await import('./growth.ts')).growth },
  scale: { summary: 'what 10,000 to 100,000 nodes would need, worked out from the results of growth', load: async () => (await import('./scale.ts')).scale },
};
