import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SelfSubjectReview } from '../api/types/authentication-v1.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { Client } from '../client/client.ts';
import { parseKubeconfig } from '../client/kubeconfig.ts';
import { certificateSigningRequests, clusterRoleBindings, clusterRoles } from '../client/resources.ts';
import { startCluster, type Cluster } from './all-in-one.ts';
import { byCertificates, chooseCredentials, type NodeCredentials } from './node-credentials.ts';
import { loadOrCreatePki, type Pki } from './pki/pki.ts';

const clock = systemClock();

describe('credentials of nodes', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'coxswain-test-'));
  const stop = new AbortController();
  let cluster: Cluster;
  let pki: Pki;
  before(async () => {
    cluster = await startCluster({ datastore: 'memory', nodes: 0, dataDir });
    pki = await loadOrCreatePki(join(dataDir, 'pki'), { clock });
  });
  after(async () => {
    stop.abort();
    await cluster.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const options = () => ({ config: parseKubeconfig(cluster.kubeconfig), clock, logger: silentLogger, signal: stop.signal });
  const whoIs = async (credentials: NodeCredentials, node: string) => {
    const client = new Client(credentials.transportFor(node), { clock });
    const review = await client.json<SelfSubjectReview>('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' });
    return [review.status?.userInfo?.username, review.status?.userInfo?.groups];
  };
  const node = (name: string) => [`system:node:${name}`, ['system:nodes', 'system:authenticated']];
  /** Somebody whose requests nobody approves: `deny` has to answer them. */
  const unapproved = async (user: string) => {
    const rules = [
      { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['create', 'get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] },
    ];
    await cluster.client.create(clusterRoles, { metadata: { name: user }, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user };
    await cluster.client.create(clusterRoleBindings, { metadata: { name: user }, roleRef, subjects: [{ kind: 'User', apiGroup: roleRef.apiGroup, name: user }] });
    const { certificate: cert, privateKey: key } = pki.issueClientCertificate({ commonName: user });
    const { server, ca = '' } = parseKubeconfig(cluster.kubeconfig);
    return { ...options(), config: { server, ca, cert, key } };
  };
  const deny = async () => {
    for (;;) {
      const { items } = await cluster.client.list(certificateSigningRequests);
      const request = items.find(({ status }) => !status?.conditions?.length);
      if (request) {
        request.status = { conditions: [{ type: 'Denied', status: 'True', reason: 'Test', message: 'by a test' }] };
        await cluster.client.updateSubresource(certificateSigningRequests, 'approval', request);
        return;
      }
      await clock.sleep(5);
    }
  };

  test('a certificate of the cluster’s signer is the node’s own', async () => {
    const credentials = byCertificates(options());
    assert.deepEqual(await whoIs(credentials, 'one'), node('one'));
    await credentials.close();
  });

  test('a refused certificate fails the request, and the next one asks again', async () => {
    const credentials = byCertificates(await unapproved('two'));
    for (let attempt = 0; attempt < 2; attempt++) {
      const denied = deny();
      await assert.rejects(whoIs(credentials, 'two'), /the certificate for system:node:two was refused: by a test/);
      await denied;
    }
    await credentials.close();
  });

  test('where the cluster refuses to sign, and for many nodes, by impersonation', async () => {
    const denied = deny();
    const few = await chooseCredentials(await unapproved('three'), ['three']);
    await denied;
    assert.equal(few.kind, 'impersonation');
    assert.deepEqual(await whoIs(few, 'three'), node('three'));
    await few.close();
    const many = await chooseCredentials(options(), Array.from({ length: 101 }, (_, index) => `n${index}`));
    assert.equal(many.kind, 'impersonation');
    await many.close();
  });
});
