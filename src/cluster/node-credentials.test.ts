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
import { certificateSigningRequests } from '../client/resources.ts';
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
  /** A signer, as far as these tests need one: answers the next request. */
  const answerNext = async (verdict: 'Approved' | 'Denied') => {
    for (;;) {
      const { items } = await cluster.client.list(certificateSigningRequests);
      const request = items.find(({ status }) => !status?.conditions?.length);
      if (request) {
        request.status = { conditions: [{ type: verdict, status: 'True', reason: 'Test', message: 'by a test' }] };
        const decided = await cluster.client.updateSubresource(certificateSigningRequests, 'approval', request);
        if (verdict === 'Denied') return;
        const now = clock.now();
        const pem = Buffer.from(decided.spec.request, 'base64').toString();
        const certificate = pki.signCsr(pem, { notBefore: now - 60_000, notAfter: now + 600_000, keyUsages: ['digital signature'], extendedUsages: ['client auth'] });
        decided.status = { ...decided.status, certificate: Buffer.from(certificate).toString('base64') };
        await cluster.client.updateStatus(certificateSigningRequests, decided);
        return;
      }
      await clock.sleep(5);
    }
  };

  test('a certificate of the cluster’s signer is the node’s own', async () => {
    const credentials = byCertificates(options());
    const answered = answerNext('Approved');
    assert.deepEqual(await whoIs(credentials, 'one'), node('one'));
    await answered;
    await credentials.close();
  });

  test('a refused certificate fails the request, and the next one asks again', async () => {
    const credentials = byCertificates(options());
    const refused = answerNext('Denied');
    await assert.rejects(whoIs(credentials, 'two'), /the certificate for node two was refused: by a test/);
    await refused;
    const answered = answerNext('Approved');
    assert.deepEqual(await whoIs(credentials, 'two'), node('two'));
    await answered;
    await credentials.close();
  });

  test('where the cluster refuses to sign, and for many nodes, by impersonation', async () => {
    const refused = answerNext('Denied');
    const few = await chooseCredentials(options(), ['three']);
    await refused;
    assert.equal(few.kind, 'impersonation');
    assert.deepEqual(await whoIs(few, 'three'), node('three'));
    await few.close();
    const many = await chooseCredentials(options(), Array.from({ length: 101 }, (_, index) => `n${index}`));
    assert.equal(many.kind, 'impersonation');
    await many.close();
  });
});
