/** Clients that are not ours: helm and the JavaScript client. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { missing, runTool } from './lib/tools.ts';

describe('other clients', () => {
  let cluster: Cluster;
  const folder = mkdtempSync(join(tmpdir(), 'coxswain-chart-'));
  before(async () => {
    cluster = await startCluster({ datastore: 'memory', nodes: 0 });
  });
  after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('helm installs, upgrades, lists and uninstalls a chart', { skip: missing ?? false }, async () => {
    mkdirSync(join(folder, 'templates'));
    writeFileSync(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: tiny\nversion: 0.1.0\n');
    writeFileSync(join(folder, 'templates', 'map.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}-map"}\ndata: {a: "{{ .Values.a }}"}\n');
    const helm = async (args: string, expected: RegExp) => {
      const { code, stdout, stderr } = await runTool('helm', cluster.kubeconfigPath, args.split(' '));
      assert.equal(code, 0, `${args}: ${stderr}`);
      assert.match(stdout, expected, args);
    };
    await helm(`install r ${folder} --set a=1`, /STATUS: deployed/);
    await helm(`upgrade r ${folder} --set a=2`, /has been upgraded/);
    await helm('list', /r\s+default\s+2\s/);
    await helm('uninstall r', /release "r" uninstalled/);
  });

  test('the JavaScript client creates, reads, lists and deletes', async () => {
    const config = new KubeConfig();
    config.loadFromString(cluster.kubeconfig);
    const api = config.makeApiClient(CoreV1Api);
    await api.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'made' }, data: { a: 'b' } } });
    assert.deepEqual((await api.readNamespacedConfigMap({ namespace: 'default', name: 'made' })).data, { a: 'b' });
    const { items } = await api.listNamespacedConfigMap({ namespace: 'default' });
    assert.ok(items.some(({ metadata }) => metadata?.name === 'made'));
    await api.deleteNamespacedConfigMap({ namespace: 'default', name: 'made' });
    await assert.rejects(api.readNamespacedConfigMap({ namespace: 'default', name: 'made' }), /404/);
  });
});
