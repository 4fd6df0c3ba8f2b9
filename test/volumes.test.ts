/** Claims and volumes through the whole system: the real kubectl, the scheduler, the controllers and the servers of hollow nodes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { missing, runTool } from './lib/tools.ts';

function claim(name: string, spec: object = {}): object {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec } };
}

function pod(name: string, volume: object): object {
  const container = { name: 'c', image: 'busybox', volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [container], volumes: [{ name: 'data', ...volume }] } };
}

describe('claims and volumes', { skip: missing ?? false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster({ datastore: 'memory', nodes: 2 });
    await cluster.nodesReady();
  });
  after(() => cluster.stop());

  const kubectl = async (args: readonly string[], ...objects: object[]): Promise<string> => {
    const { code, stdout, stderr } = await runTool('kubectl', cluster.kubeconfigPath, args, objects.length > 0 ? { stdin: objects.map((object) => JSON.stringify(object)).join('\n') } : {});
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const create = (...objects: object[]) => kubectl(['create', '-f', '-'], ...objects);
  const wait = (what: string, path: string) => kubectl(['wait', what, `--for=jsonpath=${path}`, '--timeout=30s']);

  test('a claim without a class gets a volume where its pod goes, grows, and takes it along', async () => {
    await create(claim('data'));
    assert.equal(await kubectl(['get', 'pvc', 'data', '-o', 'jsonpath={.spec.storageClassName} {.status.phase}']), 'standard Pending');
    await create(pod('user', { persistentVolumeClaim: { claimName: 'data' } }));
    await kubectl(['wait', 'pod/user', '--for=condition=Ready', '--timeout=30s']);
    const [volume = '', node] = (await kubectl(['get', 'pvc', 'data', '-o', 'jsonpath={.spec.volumeName} {.metadata.annotations.volume\\.kubernetes\\.io/selected-node} {.status.phase}'])).split(' ');
    const affinity = await kubectl(['get', 'pv', volume, '-o', 'jsonpath={.spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]} {.status.phase} {.spec.local.path}']);
    assert.equal(affinity, `${node} Bound /var/lib/kubelet/local-volumes/${volume}`);
    assert.equal(await kubectl(['get', 'pod', 'user', '-o', 'jsonpath={.spec.nodeName}']), node);

    await kubectl(['patch', 'pvc', 'data', '-p', '{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}']);
    await wait('pvc/data', '{.status.capacity.storage}=3Gi');

    await kubectl(['delete', 'pvc/data', 'pod/user', '--wait=false']);
    await kubectl(['wait', `pv/${volume}`, '--for=delete', '--timeout=30s']);
  });

  test('a class of local volumes has to wait for a pod', async () => {
    await create({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'hasty' }, provisioner: 'coxswain.io/local', volumeBindingMode: 'Immediate' }, claim('nowhere', { storageClassName: 'hasty' }));
    const messages = () => kubectl(['get', 'events', '--field-selector=involvedObject.name=nowhere', '-o', 'jsonpath={.items[*].message}']);
    while (!/volumeBindingMode must be WaitForFirstConsumer/.test(await messages()));
  });

  test('a volume made by hand is kept when its claim has gone', async () => {
    const volume = { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'manual' }, spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' }, storageClassName: 'manual', hostPath: { path: '/tmp/x' } } };
    await create(claim('by-hand', { storageClassName: 'manual' }));
    await create(volume);
    await wait('pvc/by-hand', '{.status.phase}=Bound');
    assert.equal(await kubectl(['get', 'pvc', 'by-hand', '-o', 'jsonpath={.status.capacity.storage}']), '2Gi');
    await kubectl(['delete', 'pvc', 'by-hand']);
    await wait('pv/manual', '{.status.phase}=Released');
  });

  test('an ephemeral volume lives as long as its pod', async () => {
    const { spec } = claim('x') as { spec: object };
    await create(pod('own', { ephemeral: { volumeClaimTemplate: { spec } } }));
    await kubectl(['wait', 'pod/own', '--for=condition=Ready', '--timeout=30s']);
    await wait('pvc/own-data', '{.status.phase}=Bound');
    await kubectl(['delete', 'pod', 'own']);
    await kubectl(['wait', 'pvc/own-data', '--for=delete', '--timeout=30s']);
  });
});
