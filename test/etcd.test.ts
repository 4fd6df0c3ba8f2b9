/** A whole cluster on a secured etcd, reached as the options of the command say; two clusters share it by prefix. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startCluster } from '../src/cluster/all-in-one.ts';
import { openDatastore } from '../src/cluster/datastore.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { configMaps } from '../src/client/resources.ts';
import { temporaryDirectory } from '../src/storage/conformance/temporary-directory.ts';
import { startEtcd, withoutEtcd } from '../src/storage/etcd/etcd-process.ts';
import { enableAuth, makePki, withoutOpenssl } from '../src/storage/etcd/etcd-security.ts';

describe('etcd', { skip: withoutEtcd }, () => {
  test('TLS by files, several clusters by prefix', { skip: withoutOpenssl, timeout: 60_000 }, async () => {
    const directory = temporaryDirectory();
    const { server, client, caFile } = makePki(directory.path);
    const etcd = await startEtcd({ tlsFlags: [`--cert-file=${server.certFile}`, `--key-file=${server.keyFile}`, `--trusted-ca-file=${caFile}`, '--client-cert-auth'] });
    const access = (prefix: string) => ({ datastore: etcd.endpoints.join(','), etcd: { caFile, ...client, prefix } });
    try {
      await using a = await startCluster({ ...access('/a'), nodes: 0 });
      await a.client.create(configMaps, { metadata: { name: 'mine', namespace: 'default' }, data: {} });
      await using b = await startCluster({ ...access('/b'), nodes: 0 });
      const { items } = await b.client.list(configMaps, { namespace: 'default' });
      assert.ok(!items.some(({ metadata }) => metadata.name === 'mine'));
      await assert.rejects(startCluster({ datastore: etcd.endpoints.join(','), etcd: { caFile }, nodes: 0 }), 'no certificate, no entry');
    } finally {
      await etcd.stop();
      directory.remove();
    }
  });

  test('user and password in the address', { timeout: 60_000 }, async () => {
    const etcd = await startEtcd();
    try {
      const [endpoint = ''] = etcd.endpoints;
      await enableAuth(endpoint, { username: 'root', password: 'a/b' });
      await using _ = await startCluster({ datastore: endpoint.replace('//', '//root:a%2Fb@'), nodes: 0 });
      await assert.rejects(startCluster({ datastore: endpoint.replace('//', '//root:wrong@'), nodes: 0 }), /authentication failed/);
    } finally {
      await etcd.stop();
    }
  });
});

test('what is no datastore is refused in words, without the password', async () => {
  const open = (spec: string, etcd = {}) => openDatastore(spec, '', systemClock(), silentLogger, etcd);
  await assert.rejects(open('postgres'), /unknown datastore "postgres"/);
  await assert.rejects(open('http://root:secret@:x'), { name: 'UsageError', message: '"http://:x" is no address of an etcd' });
  await assert.rejects(open('https://127.0.0.1:1', { certFile: 'x' }), /needs its key/);
});
