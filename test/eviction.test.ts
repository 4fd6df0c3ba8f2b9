/** What an eviction leaves on the pod it ends. */
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Pod } from '../src/api/types/core-v1.ts';
import { startCluster, type Cluster } from '../src/cluster/all-in-one.ts';
import { pods, serviceAccounts } from '../src/client/resources.ts';

let cluster: Cluster;
before(async () => void (cluster = await startCluster({ datastore: 'memory', nodes: 0 })));
after(() => cluster.stop());

test('an evicted pod says that the cluster has ended it; preconditions are those of the pod before', async () => {
  const { client } = cluster;
  const name = { namespace: 'default', name: 'held' };
  // The namespace's own may not be there yet.
  await client.create(serviceAccounts, { metadata: name });
  const pod: Pod = { metadata: { ...name, finalizers: ['example.com/hold'] }, spec: { serviceAccountName: name.name, containers: [{ name: 'main', image: 'x' }] } };
  const { metadata } = await client.create(pods, pod);
  const evict = (preconditions: object) =>
    client.send('POST', '/api/v1/namespaces/default/pods/held/eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: name, deleteOptions: { preconditions } });
  await assert.rejects(evict({ uid: 'another' }), /the UID in the precondition \(another\) does not match/);
  await evict({ uid: metadata.uid, resourceVersion: metadata.resourceVersion });
  const { metadata: marked, status } = await client.get(pods, name);
  assert.ok(marked.deletionTimestamp);
  const condition = status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual([condition?.status, condition?.reason, condition?.message], ['True', 'EvictionByEvictionAPI', 'Eviction API: evicting']);
});
