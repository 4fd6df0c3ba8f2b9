/** What measuring costs: `node src/server/slo/measuring.bench.ts`. The best of several runs each, since the rest is other work of the machine. */
import { builtInCatalogue } from '../../api/catalogue.ts';
import type { KubeObject } from '../../api/object.ts';
import { selectableFieldsOf } from '../../api/selectors/field-labels.ts';
import { systemClock } from '../../base/clock.ts';
import type { Responder } from '../../base/exchange.ts';
import { MetricsPage } from '../../base/metrics/page.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { parseRequestInfo } from '../http/request-info.ts';
import { RequestMetrics } from '../http/request-metrics.ts';
import { Delivery, type Deliverable } from '../watchcache/delivery.ts';
import type { ObjectChange, ResourceCache } from '../watchcache/resource-cache.ts';
import { Indicator } from './indicator.ts';
import { PodStartups } from './pod-startups.ts';
import { SloMeter } from './slo-meter.ts';

const clock = systemClock({ background: true });
const catalogue = builtInCatalogue();

/** Nanoseconds a step. */
function best(steps: number, run: (steps: number) => void): number {
  let least = Infinity;
  for (let i = 0; i < 15; i++) {
    const started = performance.now();
    run(steps);
    least = Math.min(least, ((performance.now() - started) * 1e6) / steps);
  }
  return least;
}

const say = (what: string, value: number, unit: string) => process.stdout.write(`${what.padEnd(66)} ${String(Number(value.toPrecision(3))).padStart(8)} ${unit}\n`);

// A request, beside what it costs anyway to know what it is.

class Closable implements Responder {
  readonly closed = false;
  #onClose: (() => void)[] = [];
  head(): void {}
  write(): boolean {
    return true;
  }
  end(): void {}
  destroy(): void {}
  onDrain(): void {}
  onClose(callback: () => void): void {
    this.#onClose.push(callback);
  }
  close(): void {
    for (const callback of this.#onClose) callback();
  }
}

const targets = ['/api/v1/namespaces/a/pods/b', '/api/v1/namespaces/a/pods/b/status?fieldManager=x', '/apis/apps/v1/namespaces/a/replicasets?limit=500', '/apis/coordination.k8s.io/v1/namespaces/k/leases/l'];
const registry = new MetricRegistry();
const requests = new RequestMetrics({ registry, catalogue, slo: new SloMeter(clock), clock });
const body = [new Uint8Array(100)];
const request = (i: number, measured: boolean) => {
  const info = parseRequestInfo(i % 2 ? 'GET' : 'PATCH', targets[i % 4] as string);
  const responder = new Closable();
  const answered = measured ? requests.begin(info, 'application/json', responder, clock.monotonic()) : responder;
  answered.head(200, {});
  answered.end(body);
  responder.close();
};
const loop = (measured: boolean) => (steps: number) => {
  for (let i = 0; i < steps; i++) request(i, measured);
};
say('a request: route, counters, three histograms, indicator', best(50_000, loop(true)) - best(50_000, loop(false)), 'ns');

// A pod, from its creation to its being seen.

const podResource = catalogue.lookup('', 'v1', 'pods')!;
const names = selectableFieldsOf('', 'pods').names;
const fieldsOf = (values: Record<string, string>) => names.map((name) => values[name] ?? '');
const pending = fieldsOf({ 'status.phase': 'Pending' });
const bound = fieldsOf({ 'status.phase': 'Pending', 'spec.nodeName': 'n' });
const running = fieldsOf({ 'status.phase': 'Running', 'spec.nodeName': 'n' });
let tell: (change: ObjectChange) => void = () => {};
const pods = {
  onChange: (callback: typeof tell) => (tell = callback),
  delivery: { whenServed: (mark: { served(now: number): void }) => mark.served(clock.monotonic()) },
} as unknown as ResourceCache;
const startups = new PodStartups({ clock, pods, meter: new SloMeter(clock), registry: new MetricRegistry() });
const objects = Array.from({ length: 20_000 }, (_, i) => ({ metadata: { namespace: 'ns', name: `pod-${i}` }, spec: { containers: [], volumes: [{ name: 't', projected: {} }] } }) as unknown as KubeObject);
const changes = objects.map(({ metadata: { name } }) => [pending, bound, running, running].map((fields, at) => ({ deleted: false, entry: { key: `ns/${name}`, fields, createRevision: 1, modRevision: 1 + at } }) as unknown as ObjectChange));
const live = (i: number) => {
  startups.created(podResource, objects[i] as KubeObject, clock.monotonic());
  for (const change of changes[i] as ObjectChange[]) tell(change);
};
say('a pod: from its creation to its being seen as running, 4 events', best(objects.length, (steps) => {
  for (let i = 0; i < steps; i++) live(i);
}), 'ns');
say('an event of a pod that runs already', best(objects.length, (steps) => {
  for (let i = 0; i < steps; i++) tell((changes[i] as ObjectChange[])[3] as ObjectChange);
}), 'ns');
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
for (const object of objects) startups.created(podResource, object, clock.monotonic());
globalThis.gc?.();
if (globalThis.gc) say('memory of a pod that is starting', (process.memoryUsage().heapUsed - before) / objects.length, 'B');

// A change that is watched.

const turns: (() => void)[] = [];
const delivery = new Delivery(clock, { whenGathered: (callback) => void turns.push(callback) }, 1000);
const indicator = new Indicator();
const watcher: Deliverable = { queued: false, deliver: () => false };
const events = (marked: boolean) => (steps: number) => {
  for (let i = 0; i < steps; i++) {
    delivery.request(watcher);
    const storedAt = 0;
    if (marked) delivery.whenServed({ served: (now) => indicator.observe(now, now - storedAt) });
    if (i % 20 === 19) for (const turn of turns.splice(0)) turn();
  }
};
say('a change that is watched: from stored to sent', best(100_000, events(true)) - best(100_000, events(false)), 'ns');

// The page.

for (const resource of catalogue.all())
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    const responder = new Closable();
    const name = method === 'POST' ? '' : '/n';
    requests.begin(parseRequestInfo(method, `${resource.group ? `/apis/${resource.group}` : '/api'}/${resource.version}${resource.namespaced ? '/namespaces/a' : ''}/${resource.resource}${name}`), undefined, responder, 0).head(200, {});
    responder.close();
  }
const page = new MetricsPage(registry);
const { text } = await page.render(undefined);
let took = Infinity;
for (let i = 0; i < 10; i++) {
  const started = performance.now();
  await page.render(undefined);
  took = Math.min(took, performance.now() - started);
}
say(`a metrics page of ${Math.round(text.length / 1e4) / 100} MB, every resource with five verbs`, took, 'ms');
