import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExposition } from '../base/metrics/testing/parse-exposition.ts';
import { ManualClock } from '../client/testing/manual-clock.ts';
import { serveProcess } from './process-endpoints.ts';

test('a process says how it is, whether it is ready, and what it has counted', async () => {
  const endpoints = await serveProcess({ port: 0, thread: 'part', clock: new ManualClock() });
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${endpoints.port}${path}`, init);
  try {
    assert.equal(await (await ask('/healthz')).text(), 'ok');
    assert.equal((await ask('/readyz')).status, 500);
    endpoints.ready();
    assert.equal((await ask('/readyz?verbose')).status, 200);
    assert.equal((await ask('/livez')).status, 200);
    assert.equal((await ask('/')).status, 404);
    assert.equal((await ask('/metrics', { method: 'POST' })).status, 405);
    endpoints.metrics.counter('things_total', 'Things.').with().add(3);
    const text = await ask('/metrics');
    assert.equal(parseExposition(await text.text()).get('things_total')?.samples[0]?.value, 3);
    const openMetrics = await ask('/metrics', { headers: { accept: 'application/openmetrics-text; version=1.0.0' } });
    assert.match(openMetrics.headers.get('content-type') ?? '', /^application\/openmetrics-text/);
    assert.ok(parseExposition(await openMetrics.text(), 'openmetrics').has('process_cpu_seconds'));
  } finally {
    await endpoints.close();
  }
});

test('a port that is taken is an error', async () => {
  const clock = new ManualClock();
  const first = await serveProcess({ port: 0, thread: 'part', clock });
  await assert.rejects(serveProcess({ port: first.port, thread: 'part', clock }), /EADDRINUSE/);
  await first.close();
});
