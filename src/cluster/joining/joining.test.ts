import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isSignedBy, signDetached } from '../../api/token-signature.ts';
import type { SelfSubjectReview } from '../../api/types/authentication-v1.ts';
import { systemClock, type Clock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { Client } from '../../client/client.ts';
import { parseKubeconfig } from '../../client/kubeconfig.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { startCluster, type Cluster } from '../all-in-one.ts';
import { formatKubeconfig } from '../pki/kubeconfig.ts';
import { componentSubjects, loadOrCreatePki } from '../pki/pki.ts';
import { join } from './join.ts';
import { renewalTime, RotatingCredentials } from './rotating-credentials.ts';
import { createToken, deleteToken, joinFacts, listTokens, newToken } from './tokens.ts';

const clock = systemClock();
const token = 'abcdef.0123456789abcdef';

test('a proof holds for its content and its token only', () => {
  const proof = signDetached('content', 'abcdef', token);
  assert.match(proof, /^[\w-]+\.\.[\w-]+$/);
  assert.equal(isSignedBy(proof, 'content', token), true);
  for (const [one, content, other] of [[proof, 'other', token], [proof, 'content', 'abcdef.another'], [proof.replace('..', '.x.'), 'content', token], ['', 'content', token], ['a..b', 'content', token]] as const)
    assert.equal(isSignedBy(one, content, other), false);
});

describe('a cluster', () => {
  const dataDir = mkdtempSync(joinPath(tmpdir(), 'coxswain-test-'));
  const stopping = new AbortController();
  let cluster: Cluster;
  before(async () => (cluster = await startCluster({ datastore: 'memory', nodes: 0, dataDir })));
  after(async () => {
    stopping.abort();
    await cluster.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const proofOf = async (id: string) => (await cluster.client.get(configMaps, { namespace: 'kube-public', name: 'cluster-info' })).data?.[`jws-kubeconfig-${id}`];
  const until = async (holds: () => Promise<boolean>) => {
    while (!(await holds())) await clock.sleep(10);
  };
  const whoAmI = async (client: Client) => {
    const review = await client.json<SelfSubjectReview>('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' });
    return review.status?.userInfo?.username;
  };

  test('tells of its tokens, and takes them back', async () => {
    const made = newToken((bound) => seededRandom(7).below(bound));
    await createToken(cluster.client, clock, { token: made, ttlMs: 3_600_000, description: 'a test' });
    await until(async () => (await proofOf(made.slice(0, 6))) !== undefined);
    const [known] = await listTokens(cluster.client);
    assert.deepEqual([known?.token, known?.usages, known?.description], [made, ['authentication', 'signing'], 'a test']);
    await deleteToken(cluster.client, made);
    await until(async () => (await proofOf(made.slice(0, 6))) === undefined);
    assert.deepEqual(await listTokens(cluster.client), []);
    await assert.rejects(createToken(cluster.client, clock, { token: 'nonsense', ttlMs: 0 }), /has the form/);
  });

  test('deletes tokens whose time is over', async () => {
    await createToken(cluster.client, clock, { token: 'expire.0123456789abcdef', ttlMs: 1000 });
    await until(async () => (await listTokens(cluster.client)).length === 0);
  });

  test('lets a machine join by a token, if it is the right cluster and the right token', async () => {
    await createToken(cluster.client, clock, { token, ttlMs: 0 });
    await until(async () => (await proofOf('abcdef')) !== undefined);
    const { authorityHash } = await joinFacts(cluster.client);
    const options = { server: cluster.url, token, authorityHash, nodeName: 'far', clock, signal: stopping.signal };
    await assert.rejects(join({ ...options, authorityHash: 'sha256:00' }), /has the hash sha256:[0-9a-f]{64}, not sha256:00/);
    await assert.rejects(join({ ...options, token: 'abcdef.ffffffffffffffff' }), /does not know the token/);
    await assert.rejects(join({ ...options, token: 'zzzzzz.0123456789abcdef' }), /knows no token zzzzzz/);
    const credentials = rotating(writeKubeconfig('far', await join(options)), 'far');
    assert.equal(await whoAmI(new Client(credentials, { clock })), 'system:node:far');
    await credentials.close();
    await cluster.client.delete(secrets, { namespace: 'kube-system', name: 'bootstrap-token-abcdef' });
  });

  test('gives a node its next certificate before the last has ended', async () => {
    const pki = await loadOrCreatePki(joinPath(dataDir, 'pki'), { clock });
    const client = pki.issueClientCertificate(componentSubjects.node('late'));
    const path = writeKubeconfig('late', formatKubeconfig({ server: cluster.url, authorityCertificate: pki.authorityCertificate, user: 'late', client }));
    const due = renewalTime(client.certificate, 0.5);
    const { validFromDate, validToDate } = new X509Certificate(client.certificate);
    assert.equal((due - validFromDate.getTime()) / (validToDate.getTime() - validFromDate.getTime()), 0.8);
    const credentials = rotating(path, 'late', { ...clock, now: () => due });
    const ownCertificate = () => String(parseKubeconfig(readFileSync(path, 'utf8')).cert);
    await until(async () => ownCertificate() !== client.certificate);
    assert.equal(new X509Certificate(ownCertificate()).subject, 'O=system:nodes\nCN=system:node:late');
    assert.equal(await whoAmI(new Client(credentials, { clock })), 'system:node:late');
    await credentials.close();
  });

  function writeKubeconfig(name: string, text: string): string {
    const path = joinPath(dataDir, name);
    writeFileSync(path, text);
    return path;
  }

  function rotating(path: string, nodeName: string, now: Clock = clock): RotatingCredentials {
    return new RotatingCredentials({ path, nodeName, clock: now, random: { ...seededRandom(1), fraction: () => 0.5 }, logger: silentLogger, signal: stopping.signal });
  }
});
