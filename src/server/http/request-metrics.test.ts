import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInCatalogue } from '../../api/catalogue.ts';
import type { Responder } from '../../base/exchange.ts';
import { exposition } from '../../base/metrics/exposition.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { parseExposition, type Sample } from '../../base/metrics/testing/parse-exposition.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import { SloMeter } from '../slo/slo-meter.ts';
import { parseRequestInfo } from './request-info.ts';
import { RequestMetrics } from './request-metrics.ts';

/** A responder that takes everything, and closes when it is told. */
function openResponder(): Responder & { close(): void } {
  const callbacks: (() => void)[] = [];
  return { closed: false, head() {}, write: () => true, end() {}, destroy() {}, onDrain() {}, onClose: (callback) => void callbacks.push(callback), close: () => callbacks.forEach((callback) => callback()) };
}

function rig() {
  const clock = new ManualClock();
  const registry = new MetricRegistry();
  const metrics = new RequestMetrics({ registry, catalogue: builtInCatalogue(), slo: new SloMeter(clock), clock });
  const begin = (method: string, target: string, contentType?: string) => {
    const responder = openResponder();
    const measured = metrics.begin(parseRequestInfo(method, target), contentType, responder, clock.monotonic());
    return { measured, close: () => responder.close() };
  };
  const ask = async (method: string, target: string, status: number, { afterMs = 0, body = 0, contentType }: { afterMs?: number; body?: number; contentType?: string } = {}) => {
    const { measured, close } = begin(method, target, contentType);
    await clock.advance(afterMs);
    if (status !== 0) measured.head(status, {});
    if (body > 0) measured.end([new Uint8Array(body)]);
    close();
  };
  const samples = (family: string): readonly Sample[] => parseExposition([...exposition(registry.snapshot(), 'text')].join('')).get(family)?.samples ?? [];
  return { begin, ask, samples };
}

const labelled = (verb: string, resource: string, scope: string, more: Record<string, string> = {}) => ({ dry_run: '', verb, group: '', version: 'v1', resource, subresource: '', scope, component: 'apiserver', ...more });

test('requests are counted by upstream’s names of what they are', async () => {
  const { ask, samples } = rig();
  await ask('GET', '/api/v1/namespaces/a/pods/b', 200, { body: 5000 });
  await ask('GET', '/api/v1/namespaces/a/pods', 200);
  await ask('GET', '/api/v1/pods', 200);
  await ask('GET', '/api/v1/pods?fieldSelector=metadata.name%3Db', 200);
  await ask('POST', '/api/v1/namespaces/a/pods?dryRun=All', 201);
  await ask('PATCH', '/api/v1/namespaces/a/pods/b/status', 409, { contentType: 'application/strategic-merge-patch+json' });
  await ask('PATCH', '/api/v1/namespaces/a/pods/b', 200, { contentType: 'application/apply-patch+yaml' });
  await ask('DELETE', '/api/v1/namespaces/a/pods', 200);
  await ask('GET', '/api/v1/namespaces/a/pods/b/log', 501);
  await ask('GET', '/readyz/ping?verbose', 200);
  const counted = samples('apiserver_request_total').map(({ labels }) => labels);
  assert.deepEqual(counted, [
    labelled('GET', 'pods', 'resource', { code: '200' }),
    labelled('LIST', 'pods', 'namespace', { code: '200' }),
    labelled('LIST', 'pods', 'cluster', { code: '200' }),
    labelled('POST', 'pods', 'resource', { code: '201', dry_run: 'All' }),
    labelled('PATCH', 'pods', 'resource', { code: '409', subresource: 'status' }),
    labelled('APPLY', 'pods', 'resource', { code: '200' }),
    labelled('DELETE', 'pods', 'namespace', { code: '200' }),
    labelled('CONNECT', 'pods', 'resource', { code: '501', subresource: 'log' }),
    { ...labelled('GET', '', '', { code: '200', subresource: '/readyz' }), version: '' },
  ]);
  assert.equal(samples('apiserver_request_total')[0]?.value, 2);
  const sizes = samples('apiserver_response_sizes').filter(({ name, labels }) => name.endsWith('_sum') && labels['scope'] === 'resource' && labels['verb'] === 'GET');
  assert.deepEqual(sizes.map(({ value }) => value), [5000]);
  const slis = samples('apiserver_request_sli_duration_seconds').filter(({ name }) => name.endsWith('_count'));
  assert.equal(slis.some(({ labels }) => labels['verb'] === 'POST'), false, 'a dry run is no indicator');
});

test('durations end when the exchange does, and one without an answer has none', async () => {
  const { ask, samples } = rig();
  await ask('GET', '/api/v1/nodes/n', 200, { afterMs: 40 });
  await ask('GET', '/api/v1/nodes/n', 0, { afterMs: 9000 });
  const buckets = samples('apiserver_request_duration_seconds').filter(({ name }) => name.endsWith('_bucket'));
  assert.deepEqual(buckets.slice(0, 4).map(({ labels, value }) => [labels['le'], value]), [['0.005', 0], ['0.025', 0], ['0.05', 1], ['0.1', 1]]);
  assert.equal(buckets.at(-1)?.value, 1);
  assert.deepEqual(samples('apiserver_request_aborts_total').map(({ value }) => value), [1]);
});

test('what is under way', () => {
  const { begin, samples } = rig();
  const inFlight = () => samples('apiserver_current_inflight_requests').map(({ value }) => value);
  const open = [begin('GET', '/api/v1/nodes'), begin('PUT', '/api/v1/nodes/n'), begin('GET', '/api'), begin('GET', '/api/v1/nodes?watch=1')];
  assert.deepEqual(inFlight(), [2, 1]);
  assert.deepEqual(samples('apiserver_longrunning_requests').map(({ labels: { verb, scope }, value }) => [verb, scope, value]), [['WATCH', 'cluster', 1]]);
  for (const { close } of open) close();
  assert.deepEqual(inFlight(), [0, 0]);
  assert.equal(samples('apiserver_longrunning_requests')[0]?.value, 0);
});

test('paths that are not served do not grow the page', async () => {
  const { ask, samples } = rig();
  for (let i = 0; i < 10; i++) {
    await ask('GET', `/api/v1/thing-${i}`, 404);
    await ask('GET', `/nowhere-${i}`, 404);
    await ask('GET', `/readyz/${i}`, 404);
    await ask('GET', `/api/v1/nodes/n/part-${i}`, 404);
  }
  assert.deepEqual(samples('apiserver_request_total').map(({ labels: { subresource }, value }) => [subresource, value]), [['/readyz', 10]]);
});
