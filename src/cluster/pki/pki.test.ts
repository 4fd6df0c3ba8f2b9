import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { X509Certificate, createPublicKey } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import { DerError } from './der.ts';
import { parseCertificateRequest } from './csr.ts';
import { componentSubjects, loadOrCreatePki } from './pki.ts';
import { writeKubeconfig } from './kubeconfig.ts';

function withDirectory(body: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), 'coxswain-pki-'));
    try {
      await body(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

function clockAt(days: number): Clock {
  const clock = systemClock();
  return { ...clock, now: () => clock.now() + days * 86_400_000 };
}

describe('pki', () => {
  test(
    'is private, and the same after a restart',
    withDirectory(async (directory) => {
      const path = join(directory, 'pki');
      const first = await loadOrCreatePki(path, { clock: systemClock() });
      assert.equal(statSync(path).mode & 0o777, 0o700);
      for (const file of readdirSync(path))
        if (file.endsWith('.key')) assert.equal(statSync(join(path, file)).mode & 0o777, 0o600, file);
      const second = await loadOrCreatePki(path, { clock: systemClock() });
      assert.equal(second.authorityCertificate, first.authorityCertificate);
      assert.deepEqual(second.serving, first.serving);
      assert.ok(second.serviceAccountKeys.publicKey.equals(first.serviceAccountKeys.publicKey));
    }),
  );

  test(
    'the serving certificate covers every name of the API',
    withDirectory(async (directory) => {
      const pki = await loadOrCreatePki(directory, {
        clock: systemClock(),
        extraNames: ['example.test', 'fd00::10.0.0.1'],
      });
      const certificate = new X509Certificate(pki.serving.certificate);
      for (const name of ['localhost', 'kubernetes', 'kubernetes.default.svc.cluster.local', 'example.test'])
        assert.ok(certificate.checkHost(name), name);
      for (const address of ['127.0.0.1', '::1', '10.96.0.1', 'fd00::a00:1'])
        assert.ok(certificate.checkIP(address), address);
      assert.ok(certificate.checkIssued(new X509Certificate(pki.authorityCertificate)));
      const more = await loadOrCreatePki(directory, { clock: systemClock(), extraNames: ['other.test'] });
      assert.ok(new X509Certificate(more.serving.certificate).checkHost('other.test'));
    }),
  );

  test(
    'renews what ends soon, and keeps the key of the authority',
    withDirectory(async (directory) => {
      const first = await loadOrCreatePki(directory, { clock: systemClock() });
      const later = await loadOrCreatePki(directory, { clock: clockAt(340) });
      assert.equal(later.authorityCertificate, first.authorityCertificate);
      assert.notEqual(later.serving.certificate, first.serving.certificate);
      const muchLater = await loadOrCreatePki(directory, { clock: clockAt(3630) });
      assert.notEqual(muchLater.authorityCertificate, first.authorityCertificate);
      assert.ok(
        new X509Certificate(later.serving.certificate).verify(
          createPublicKey(muchLater.authorityCertificate),
        ),
      );
    }),
  );

  test(
    'TLS accepts both sides, and shows the subject of the client',
    withDirectory(async (directory) => {
      const pki = await loadOrCreatePki(directory, { clock: systemClock() });
      const client = pki.issueClientCertificate(componentSubjects.node('n1'));
      const server = createServer({
        cert: pki.serving.certificate,
        key: pki.serving.privateKey,
        ca: pki.authorityCertificate,
        requestCert: true,
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const port = (server.address() as AddressInfo).port;
      const socket = connect({
        port,
        host: '127.0.0.1',
        ca: pki.authorityCertificate,
        cert: client.certificate,
        key: client.privateKey,
      });
      const [accepted] = (await once(server, 'secureConnection')) as [TLSSocket];
      assert.equal(accepted.authorized, true);
      const { subject } = accepted.getPeerCertificate();
      assert.equal(subject.CN, 'system:node:n1');
      assert.equal(subject.O, 'system:nodes');
      socket.destroy();
      accepted.destroy();
      server.close();
    }),
  );

  test(
    'signs requests, and refuses forged ones',
    withDirectory(async (directory) => {
      const pki = await loadOrCreatePki(directory, { clock: systemClock() });
      const key = join(directory, 'client.key');
      const arguments_ = [
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        key,
      ];
      arguments_.push(
        '-subj',
        '/O=developers/O=testers/CN=jane',
        '-addext',
        'subjectAltName=DNS:a.test,IP:10.0.0.1',
      );
      const request = execFileSync('openssl', arguments_, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const parsed = parseCertificateRequest(request);
      assert.equal(parsed.commonName, 'jane');
      assert.deepEqual(parsed.organizations, ['developers', 'testers']);
      assert.deepEqual(parsed.dnsNames, ['a.test']);
      assert.deepEqual([...(parsed.ipAddresses[0] ?? [])], [10, 0, 0, 1]);
      const now = systemClock().now();
      const signed = pki.signCsr(request, {
        notBefore: now,
        notAfter: now + 3_600_000,
        keyUsages: ['digital signature'],
        extendedUsages: ['client auth'],
      });
      const certificate = new X509Certificate(signed);
      assert.ok(certificate.verify(createPublicKey(pki.authorityCertificate)));
      assert.equal(certificate.subject, 'O=developers\nO=testers\nCN=jane');
      assert.equal(certificate.subjectAltName, 'DNS:a.test, IP Address:10.0.0.1');
      const bytes = Buffer.from(request.replace(/-----.*-----|\s/g, ''), 'base64');
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
      assert.throws(() => parseCertificateRequest(forged), DerError);
      assert.throws(() => parseCertificateRequest('nonsense'), DerError);
    }),
  );

  test(
    'OpenSSL verifies the chains',
    withDirectory(async (directory) => {
      await loadOrCreatePki(directory, { clock: systemClock() });
      const verify = (authority: string, leaf: string, purpose: string) =>
        execFileSync(
          'openssl',
          [
            'verify',
            '-x509_strict',
            '-purpose',
            purpose,
            '-CAfile',
            join(directory, authority),
            join(directory, leaf),
          ],
          { encoding: 'utf8' },
        );
      assert.match(verify('ca.crt', 'apiserver.crt', 'sslserver'), /OK/);
      assert.match(verify('front-proxy-ca.crt', 'front-proxy-client.crt', 'sslclient'), /OK/);
    }),
  );
});

describe('kubeconfig', () => {
  test(
    'is private, and written again only where it must be',
    withDirectory(async (directory) => {
      const clock = systemClock();
      const pki = await loadOrCreatePki(join(directory, 'pki'), { clock });
      const path = join(directory, 'admin.conf');
      const options = {
        server: 'https://127.0.0.1:6443',
        authorityCertificate: pki.authorityCertificate,
        user: 'kubernetes-admin',
        issue: () => pki.issueClientCertificate(componentSubjects.admin),
        clock,
      };
      assert.equal(writeKubeconfig(path, options), true);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.match(readFileSync(path, 'utf8'), /^current-context: coxswain$/m);
      assert.equal(writeKubeconfig(path, options), false);
      assert.equal(writeKubeconfig(path, { ...options, clock: clockAt(340) }), true);
      assert.equal(writeKubeconfig(path, { ...options, server: 'https://127.0.0.1:7443' }), true);
    }),
  );
});
