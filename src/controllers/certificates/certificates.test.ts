import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import { systemClock } from '../../base/clock.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import { startCluster, type Cluster } from '../../cluster/all-in-one.ts';
import { generateKey } from '../../cluster/pki/certificate.ts';
import { createCertificateRequest } from '../../cluster/pki/csr.ts';
import { isOver } from './cleaning.ts';
import type { RequestedCertificate } from './contract.ts';
import { signers } from './signers.ts';
import { validity } from './signing.ts';

const nodeSubject: RequestedCertificate = { commonName: 'system:node:a', organizations: ['system:nodes'], dnsNames: [], emailAddresses: [], uris: [], ipAddresses: [] };

describe('what the signers ask of a request', () => {
  const cases: readonly [signer: string, request: Partial<RequestedCertificate>, usages: readonly string[], problem: string | undefined][] = [
    ['kube-apiserver-client-kubelet', {}, ['digital signature', 'client auth'], undefined],
    ['kube-apiserver-client-kubelet', {}, ['key encipherment', 'digital signature', 'client auth'], undefined],
    ['kube-apiserver-client-kubelet', {}, ['client auth'], 'usages did not match [client auth digital signature key encipherment]'],
    ['kube-apiserver-client-kubelet', {}, ['digital signature', 'client auth', 'server auth'], 'usages did not match [client auth digital signature key encipherment]'],
    ['kube-apiserver-client-kubelet', { dnsNames: ['a'] }, ['digital signature', 'client auth'], 'DNS subjectAltNames are not allowed'],
    ['kube-apiserver-client-kubelet', { organizations: ['system:nodes', 'system:masters'] }, ['digital signature', 'client auth'], 'subject organization is not system:nodes'],
    ['kube-apiserver-client-kubelet', { commonName: 'jane' }, ['digital signature', 'client auth'], 'subject common name does not begin with system:node:'],
    ['kubelet-serving', { dnsNames: ['a'] }, ['digital signature', 'server auth'], undefined],
    ['kubelet-serving', {}, ['digital signature', 'server auth'], 'DNS or IP subjectAltName is required'],
    ['kubelet-serving', { ipAddresses: [1], uris: ['x:y'] }, ['digital signature', 'server auth'], 'URI subjectAltNames are not allowed'],
    ['kube-apiserver-client', { commonName: 'jane', organizations: [] }, ['client auth'], undefined],
    ['kube-apiserver-client', {}, ['client auth', 'server auth'], 'invalid usage for client certificate: server auth'],
    ['kube-apiserver-client', {}, ['digital signature'], 'missing required usage for client certificate: client auth'],
    ['legacy-unknown', { commonName: 'anything' }, ['code signing'], undefined],
  ];
  for (const [signer, request, usages, problem] of cases)
    test(`${signer} ${JSON.stringify(request)} ${usages.join(', ')}`, () => assert.equal(signers[`kubernetes.io/${signer}`]?.({ ...nodeSubject, ...request }, usages), problem));
});

test('how long certificates are good for', () => {
  const hourMs = 3_600_000;
  const now = 1_000_000_000_000;
  const lifeOf = (seconds: number | undefined, authorityEnds = Infinity) => (validity(now, seconds, authorityEnds).notAfter - now) / hourMs;
  assert.equal(lifeOf(undefined), 365 * 24 - 1 / 12);
  assert.equal(lifeOf(3600), 1);
  assert.equal(lifeOf(1), 1 / 6);
  assert.equal(lifeOf(100 * 365 * 86400), 365 * 24 - 1 / 12);
  assert.equal(lifeOf(undefined, now + hourMs), 1);
  assert.throws(() => validity(now, undefined, now), /expired/);
});

test('which requests are over', () => {
  const now = Date.parse('2026-01-02T12:00:00Z');
  const ago = (hours: number) => new Date(now - hours * 3_600_000).toISOString();
  const request = (created: number, condition?: { type: string; hours: number }, certificate?: string): CertificateSigningRequest => ({
    metadata: { name: 'x', creationTimestamp: ago(created) },
    spec: { request: '', signerName: 'x' },
    status: { certificate, conditions: condition ? [{ type: condition.type, status: 'True', lastUpdateTime: ago(condition.hours) }] : undefined },
  });
  const cases: readonly [CertificateSigningRequest, boolean][] = [
    [request(23), false],
    [request(25), true],
    [request(30, { type: 'Denied', hours: 0.5 }), false],
    [request(30, { type: 'Denied', hours: 2 }), true],
    [request(30, { type: 'Failed', hours: 2 }), true],
    [request(30, { type: 'Approved', hours: 2 }), false],
    [request(30, { type: 'Approved', hours: 2 }, 'eA=='), true],
    [request(30, { type: 'Approved', hours: 25 }), true],
  ];
  assert.deepEqual(cases.map(([one]) => isOver(one, now)), cases.map(([, over]) => over));
});

describe('a cluster signs', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'coxswain-test-'));
  const clock = systemClock();
  let cluster: Cluster;
  before(async () => (cluster = await startCluster({ datastore: 'memory', nodes: 0, dataDir })));
  after(async () => {
    await cluster.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const ask = (name: string, spec: Partial<CertificateSigningRequest['spec']>, subject = { commonName: 'jane', organizations: ['testers'] }) =>
    cluster.client.create(certificateSigningRequests, {
      metadata: { name },
      spec: { request: Buffer.from(createCertificateRequest(subject, generateKey().privateKey)).toString('base64'), signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'], ...spec },
    });
  const approve = async (request: CertificateSigningRequest) => {
    request.status = { conditions: [{ type: 'Approved', status: 'True', reason: 'Test', message: 'by a test' }] };
    await cluster.client.updateSubresource(certificateSigningRequests, 'approval', request);
  };
  const answered = async (name: string) => {
    for (;;) {
      const request = await cluster.client.get(certificateSigningRequests, { name });
      if (request.status?.certificate || request.status?.conditions?.some(({ type }) => type === 'Failed')) return request;
      await clock.sleep(10);
    }
  };

  test('what somebody approved, for as long as was asked', async () => {
    await approve(await ask('jane', { expirationSeconds: 3600 }));
    const { status } = await answered('jane');
    const certificate = new X509Certificate(Buffer.from(status?.certificate ?? '', 'base64'));
    assert.equal(certificate.subject, 'O=testers\nCN=jane');
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    const hours = (certificate.validToDate.getTime() - clock.now()) / 3_600_000;
    assert.ok(hours > 0.9 && hours <= 1);
  });

  test('not what breaks the signer’s rules', async () => {
    await approve(await ask('server', { usages: ['client auth', 'server auth'] }));
    const { status } = await answered('server');
    const [, failed] = status?.conditions ?? [];
    assert.deepEqual([failed?.type, failed?.reason, failed?.message], ['Failed', 'SignerValidationFailure', 'invalid usage for client certificate: server auth']);
  });

  test('a kubelet’s by itself, and nothing for signers that are not its own', async () => {
    await ask('kubelet', { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] }, { commonName: 'system:node:a', organizations: ['system:nodes'] });
    const { status } = await answered('kubelet');
    assert.equal(status?.conditions?.[0]?.reason, 'AutoApproved');
    await approve(await ask('other', { signerName: 'example.com/other' }));
    await ask('unapproved', {});
    // Whatever is asked for later has been answered by now.
    await approve(await ask('last', {}));
    await answered('last');
    for (const name of ['other', 'unapproved']) assert.equal((await cluster.client.get(certificateSigningRequests, { name })).status?.certificate, undefined);
  });
});
