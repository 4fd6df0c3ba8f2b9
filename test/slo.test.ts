/** The cluster measures itself: the metrics of all its parts on one page, its service levels by command and as an object. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SloReport } from '../src/api/slo.ts';
import { systemClock } from '../src/base/clock.ts';
import { parseExposition, type ParsedFamily } from '../src/base/metrics/testing/parse-exposition.ts';
import { pods, replicationControllers } from '../src/client/resources.ts';
import { startTlsServer } from '../src/client/testing/tls-server.ts';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';

const podCount = 20;

/** The system's, but what happens every minute or less often happens when it is told. */
function steppedClock() {
  const clock = systemClock();
  const rare = new Map<number, (() => void)[]>();
  return {
    clock: {
      ...clock,
      every(periodMs: number, callback: () => void) {
        if (periodMs < 60_000) return clock.every(periodMs, callback);
        rare.set(periodMs, [...(rare.get(periodMs) ?? []), callback]);
        return { cancel() {} };
      },
    },
    pass: (periodMs: number) => rare.get(periodMs)?.forEach((callback) => callback()),
  };
}

const command = join(import.meta.dirname, '..', 'bin', 'coxswain.js');

function run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...args], { timeout: 60_000 });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

describe('service levels', () => {
  const { clock, pass } = steppedClock();
  let cluster: Cluster;
  const ask = async (target: string, accept = '*/*') => {
    const { status, headers, body } = await cluster.client.transport.request({ method: 'GET', target, headers: { accept } });
    return { status, headers, text: Buffer.from(body).toString() };
  };
  const metrics = async () => parseExposition((await ask('/metrics')).text);
  const report = async () => JSON.parse((await ask('/debug/slo')).text) as SloReport;

  before(async () => {
    cluster = await startCluster({ datastore: 'memory', nodes: 2, clock });
    await cluster.nodesReady();
    await cluster.client.create(replicationControllers, {
      metadata: { name: 'rc', namespace: 'default' },
      spec: { replicas: podCount, selector: { app: 'a' }, template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
    } as never);
    const running = () => cluster.client.list(pods, { namespace: 'default', fieldSelector: 'status.phase=Running' });
    while ((await running()).items.length < podCount) await clock.sleep(20);
    // What the nodes see of their pods is a moment behind.
    while (valueOf((await metrics()).get('kubelet_pod_start_sli_duration_seconds'), '_count', {}) < podCount) await clock.sleep(20);
  });
  after(() => cluster.stop());

  test('one page has what every part has counted', async () => {
    const families = await metrics();
    const value = (family: string, suffix: string, labels: Record<string, string>) => valueOf(families.get(family), suffix, labels);
    const created = { verb: 'POST', group: '', version: 'v1', resource: 'pods', subresource: '', scope: 'resource', component: 'apiserver' };
    assert.equal(value('apiserver_request_total', '', { ...created, dry_run: '', code: '201' }), podCount);
    for (const family of ['apiserver_request_duration_seconds', 'apiserver_request_sli_duration_seconds']) assert.equal(value(family, '_count', created), podCount);
    assert.ok(value('apiserver_longrunning_requests', '', { verb: 'WATCH', resource: 'pods' }) >= 1);
    assert.ok(value('apiserver_response_sizes', '_count', { verb: 'LIST', resource: 'pods' }) >= 1);
    assert.ok(value('apiserver_watch_events_total', '', { resource: 'pods', version: 'v1' }) >= 3 * podCount);
    assert.equal(value('apiserver_storage_objects', '', { resource: 'pods' }), podCount);
    assert.equal(value('etcd_request_duration_seconds', '_count', { operation: 'create', resource: 'pods' }), podCount);
    for (const phase of ['pod_startup', 'create_to_schedule', 'schedule_to_run', 'run_to_watch']) assert.equal(value('coxswain_pod_startup_sli_duration_seconds', '_count', { phase }), podCount);
    assert.equal(value('scheduler_schedule_attempts_total', '', { profile: 'default-scheduler', result: 'scheduled' }), podCount);
    assert.equal(value('scheduler_pod_scheduling_sli_duration_seconds', '_count', { attempts: '1' }), podCount);
    assert.equal(value('scheduler_pending_pods', '', { queue: 'active' }), 0);
    assert.ok(value('workqueue_adds_total', '', { name: 'replicationcontroller' }) >= 1);
    assert.equal(value('kubelet_pod_start_sli_duration_seconds', '_count', {}), podCount);
    assert.equal(value('kubelet_running_pods', '', {}), podCount);
    assert.ok(value('process_resident_memory_bytes', '', {}) > 1e7);
    for (const thread of ['api', 'brains,nodes']) assert.ok(value('nodejs_heap_size_used_bytes', '', { thread }) > 1e6);
  });

  test('OpenMetrics for those who ask for it', async () => {
    const { headers, text } = await ask('/metrics', 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
    assert.match(headers['content-type'] ?? '', /^application\/openmetrics-text; version=1\.0\.0/);
    assert.ok(parseExposition(text, 'openmetrics').has('apiserver_request'));
  });

  test('the report has every indicator, and a day once a window has ended', async () => {
    const { indicators, unmeasured } = await report();
    const find = (sli: string, of: Record<string, string>) => indicators.find((reading) => reading.sli === sli && Object.entries(of).every(([name, value]) => reading.of[name] === value));
    assert.equal(find('pod-startup-latency', { phase: 'pod_startup' })?.last5Minutes?.count, podCount);
    assert.equal(find('api-call-latency-mutating', { verb: 'POST', resource: 'pods/binding' })?.objectiveSeconds, 1);
    assert.equal(find('api-call-latency-readonly', { scope: 'namespace', resource: 'pods' })?.objectiveSeconds, 5);
    assert.ok((find('watch-latency', { resource: 'pods' })?.last5Minutes?.count ?? 0) >= 3 * podCount);
    assert.deepEqual(unmeasured.map(({ reason }) => reason), ['no proxy', 'no DNS', 'no proxy', 'no DNS']);
    pass(300_000);
    assert.equal((await report()).indicators.find(({ of }) => of['phase'] === 'pod_startup')?.day?.windows, 1);
  });

  test('the command prints it, and its exit code is the verdict', async () => {
    const [asText, asJson] = await Promise.all([run(['slo', '--kubeconfig', cluster.kubeconfigPath]), run(['slo', '--kubeconfig', cluster.kubeconfigPath, '--output', 'json'])]);
    const { verdict } = JSON.parse(asJson.stdout) as SloReport;
    assert.equal(asJson.code, verdict === 'violated' ? 1 : 0);
    assert.match(asText.stdout, /^SLI +objective +last 5 minutes +day +verdict\nAPI calls that change one object +≤ 1 s +/);
    assert.match(asText.stdout, new RegExp(`\nPod start-up +≤ 5 s +\\S+ m?s  ${podCount} pods `));
    assert.match(asText.stdout, /\nNetwork programming +not measured: no proxy\n/);
  });

  test('it is an object of the API, looked at once a minute', async () => {
    const get = () => ask('/api/v1/namespaces/kube-system/configmaps/coxswain-slo');
    assert.equal((await get()).status, 404);
    pass(60_000);
    while ((await get()).status === 404) await clock.sleep(20);
    const { data } = JSON.parse((await get()).text) as { data: Record<string, string> };
    assert.equal(data['verdict'], (await report()).verdict);
    const lines = (data['indicators'] ?? '').split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.ok(lines.some(({ sli, phase, objectiveSeconds }) => sli === 'pod-startup-latency' && phase === 'pod_startup' && objectiveSeconds === 5));
  });

  for (const { part, args, family } of [
    { part: 'scheduler', args: [], family: 'scheduler_pending_pods' },
    { part: 'hollow', args: ['--nodes', '1', '--name-prefix', 'other-'], family: 'kubelet_running_pods' },
  ])
    test(`${part} as a process of its own has endpoints of its own`, async () => {
      const child = spawn(process.execPath, [command, part, '--kubeconfig', cluster.kubeconfigPath, '--metrics-port', '0', ...args]);
      try {
        const url = await new Promise<string>((resolve, reject) => {
          const look = (chunk: Buffer) => {
            const found = /http:\/\/127\.0\.0\.1:\d+/.exec(chunk.toString());
            if (found) resolve(found[0]);
          };
          child.stdout.on('data', look);
          child.stderr.on('data', look);
          child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
        });
        for (const path of ['/healthz', '/livez', '/readyz']) assert.equal(await (await fetch(url + path)).text(), 'ok');
        const families = parseExposition(await (await fetch(`${url}/metrics`)).text());
        assert.ok(families.has(family) && families.has('process_cpu_seconds_total'));
      } finally {
        const exited = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        assert.equal(await exited, 0);
      }
    });

  test('a server that is not ours is told as such', async () => {
    const other = await startTlsServer((_, responder) => {
      responder.head(404, { 'content-type': 'text/plain' });
      responder.end([Buffer.from('404 page not found\n')]);
    });
    const directory = mkdtempSync(join(tmpdir(), 'coxswain-slo-'));
    const kubeconfig = join(directory, 'kubeconfig');
    const named = { clusters: [{ name: 'c', cluster: { server: other.url, 'certificate-authority-data': Buffer.from(other.ca).toString('base64') } }], users: [{ name: 'u', user: {} }] };
    writeFileSync(kubeconfig, JSON.stringify({ ...named, 'current-context': 'x', contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }] }));
    try {
      const { code, stderr } = await run(['slo', '--kubeconfig', kubeconfig]);
      assert.deepEqual([code, stderr], [2, `error: ${other.url} does not measure its service levels: no Coxswain API server answers there\n`]);
    } finally {
      await other.close();
      rmSync(directory, { recursive: true });
    }
  });
});

/** Of the only sample with these labels among its own; 0 where there is none. */
function valueOf(family: ParsedFamily | undefined, suffix: string, labels: Readonly<Record<string, string>>): number {
  const found = family?.samples.filter((sample) => sample.name === family.name + suffix && Object.entries(labels).every(([name, value]) => sample.labels[name] === value)) ?? [];
  return found.reduce((sum, { value }) => sum + value, 0);
}
