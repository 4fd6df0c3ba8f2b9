/** `coxswain bench`, as a user runs it: a small density run, its JSON and its page. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCluster } from '../src/cluster/all-in-one.ts';
import type { BenchReport } from '../bench/report/bench-report.ts';

const command = join(import.meta.dirname, '..', 'bin', 'coxswain.js');

function coxswain(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

test('density runs from start to end and reports what it found', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-test-'));
  const page = join(directory, 'page.html');
  try {
    const { code, stdout, stderr } = await coxswain(['bench', 'density', '--nodes', '3', '--pods-per-node', '4', '--latency-pods', '3', '--datastore', 'memory', '--output', 'json', '--html', page]);
    // Whether the objectives are met depends on the machine.
    assert.ok(code === 0 || code === 1, stderr);
    const [report] = JSON.parse(stdout) as [BenchReport];
    assert.equal(report.bench, 'density');
    assert.match(report.system, /^Coxswain v1\.36/);
    assert.deepEqual(report.phases.map(({ name }) => name), ['start of Coxswain', 'saturation', 'start-up latency', 'latency pods deleted', 'deletion']);
    assert.equal(report.figures.filter(({ isSlo, name }) => isSlo && name.startsWith('pod start-up')).length, 2);
    assert.ok(report.latencies.some(({ source, rows }) => source === 'server' && rows.some(({ verb, resource, subresource }) => verb === 'POST' && resource === 'pods' && subresource === 'binding')));
    assert.ok(report.distributions.every(({ summary }) => summary.count === 3));
    assert.match(stderr, /saturation: 12 pods/);
    assert.match(readFileSync(page, 'utf8'), /<svg/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a benchmark that is not there is refused with the names of those that are', async () => {
  const { code, stderr } = await coxswain(['bench', 'nothing']);
  assert.equal(code, 1);
  assert.match(stderr, /there is no benchmark "nothing"; there are density,/);
});

test('a comparison says which of upstream’s executables are missing', async () => {
  const { code, stderr } = await coxswain(['bench', 'compare'], { PATH: '' });
  assert.equal(code, 1);
  assert.match(stderr, /upstream's etcd, kube-apiserver, kube-controller-manager, kube-scheduler are not in PATH/);
});

test('a cluster that is there is measured by its kubeconfig, with hollow nodes beside it', async () => {
  const cluster = await startCluster({ datastore: 'memory', nodes: 0 });
  try {
    const { code, stdout, stderr } = await coxswain(['bench', 'load', '--form', 'modern', '--nodes', '3', '--pods-per-node', '8', '--latency-pods', '2', '--rate', '100', '--kubeconfig', cluster.kubeconfigPath, '--output', 'json']);
    assert.ok(code === 0 || code === 1, stderr);
    const [report] = JSON.parse(stdout) as [BenchReport];
    assert.deepEqual(report.phases.map(({ name }) => name), [`start of ${cluster.url}`, 'services', 'create', 'start-up latency', 'latency pods deleted', 'scale and update', 'delete']);
    assert.ok(report.usage.some(({ role }) => role === 'fleet') && report.usage.every(({ role }) => role !== 'server'));
  } finally {
    await cluster.stop();
  }
});
