import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { ConfigMap, Container, Pod, Secret, Service } from '../../../api/types/core-v1.ts';
import { podField, resourceField, resourceFieldOf } from '../downward-api.ts';
import { expand } from '../expansion.ts';
import { parseResolvConf, podDns } from './dns.ts';
import { containerEnvironment, type EnvironmentSources } from './environment.ts';
import { parseVariables } from './environment-file.ts';
import { hostsFile, podName, sandboxHostname } from './host-name.ts';
import { oomScoreAdj } from './oom-score.ts';
import { credentialsFor } from './registry-credentials.ts';

function podOf(spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'ns', uid: 'u', ...metadata }, spec: { containers: [{ name: 'main' }], ...spec } };
}

const addresses = { podIps: ['10.0.0.5', 'fd00::5'], hostIps: ['192.0.2.1'] };

test('references', () => {
  const values = new Map([['A', '1'], ['EMPTY', '']]);
  const table: readonly (readonly [string, string])[] = [
    ['$(A)', '1'],
    ['x$(A)y$(A)', 'x1y1'],
    ['$(B)', '$(B)'],
    ['$(EMPTY)', ''],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$$$$(A)', '$$(A)'],
    ['$A $ $(', '$A $ $('],
    ['$()', '$()'],
    ['$(A', '$(A'],
    ['cost: 5$', 'cost: 5$'],
  ];
  for (const [text, expected] of table) assert.equal(expand(text, (name) => values.get(name) ?? `$(${name})`), expected, text);
});

test('fields of pods', () => {
  const pod = podOf({ nodeName: 'n', serviceAccountName: 'sa' }, { labels: { b: '2', a: 'x"y\n' }, annotations: { 'k/one': 'v' } });
  const table: readonly (readonly [string, string])[] = [
    ['metadata.name', 'web'],
    ['metadata.uid', 'u'],
    ['metadata.labels', 'a="x\\"y\\n"\nb="2"'],
    ["metadata.annotations['k/one']", 'v'],
    ["metadata.labels['none']", ''],
    ['spec.nodeName', 'n'],
    ['status.hostIP', '192.0.2.1'],
    ['status.podIP', '10.0.0.5'],
    ['status.podIPs', '10.0.0.5,fd00::5'],
  ];
  for (const [path, expected] of table) assert.equal(podField(pod, path, addresses), expected, path);
  assert.throws(() => podField(pod, 'spec.x', addresses), /unsupported fieldPath: spec.x/);
});

test('resources of containers', () => {
  const container: Container = { name: 'main', resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { memory: '128Mi', 'hugepages-2Mi': '4Mi' } } };
  const pod = podOf({ containers: [container] });
  const allocatable = { cpu: '3500m', memory: '8Gi', 'ephemeral-storage': '10Gi' };
  const table: readonly (readonly [string, string | undefined, string])[] = [
    ['requests.cpu', undefined, '1'],
    ['requests.cpu', '1m', '250'],
    ['requests.memory', '1Mi', '64'],
    ['limits.memory', '1Ki', '131072'],
    ['limits.cpu', undefined, '4'],
    ['limits.cpu', '1m', '3500'],
    ['limits.ephemeral-storage', '1Gi', '10'],
    ['requests.ephemeral-storage', '0', '0'],
    ['limits.hugepages-2Mi', '1Mi', '4'],
  ];
  for (const [resource, divisor, expected] of table) assert.equal(resourceFieldOf(pod, { resource, divisor, containerName: 'main' }, allocatable), expected, resource);
  assert.throws(() => resourceField(container, { resource: 'limits.gpu' }, allocatable), /unsupported container resource/);
  assert.throws(() => resourceFieldOf(pod, { resource: 'limits.cpu', containerName: 'x' }, allocatable), /container x not found/);
});

describe('environments', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const configMaps: Record<string, ConfigMap> = { cm: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm' }, data: { colour: 'red', 'odd.key': 'x' } } };
  const secrets: Record<string, Secret> = { sec: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'sec' }, data: { token: base64('s3cret') } } };
  const service = (namespace: string, name: string, clusterIP: string): Service => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: { clusterIP, ports: [{ port: 443, name: 'https', protocol: 'TCP', targetPort: 443 }, { port: 53, name: 'dns-udp', protocol: 'UDP', targetPort: 53 }] },
  });
  const services = [service('default', 'kubernetes', '10.96.0.1'), service('ns', 'my-db', 'fd00::9'), service('ns', 'headless', 'None')];
  const sources: EnvironmentSources = {
    objects: {
      configMap: (_, name) => Promise.resolve(configMaps[name]),
      secret: (_, name) => Promise.resolve(secrets[name]),
      services: (namespace) => Promise.resolve(services.filter(({ metadata }) => metadata.namespace === namespace)),
    },
    allocatable: { cpu: '2', memory: '4Gi' },
    fileVariable: (_, { key }) => Promise.resolve(key === 'there' ? 'from file' : undefined),
  };
  const environment = async (container: Partial<Container>, spec: Partial<Pod['spec']> = {}) => containerEnvironment(podOf(spec), { name: 'main', ...container }, addresses, sources);

  test('from everywhere, each variable knowing those before it', async () => {
    const env = await environment({
      envFrom: [{ configMapRef: { name: 'cm' }, prefix: 'P_' }, { secretRef: { name: 'sec' } }, { configMapRef: { name: 'none', optional: true } }],
      env: [
        { name: 'PLAIN', value: '$(P_colour)-$(LATER)-$$(token)' },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'URL', value: 'http://$(IP):$(MY_DB_SERVICE_PORT)' },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'cm', key: 'colour' } } },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'sec', key: 'token' } } },
        { name: 'MAYBE', valueFrom: { secretKeyRef: { name: 'sec', key: 'none', optional: true } } },
        { name: 'FILE', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'f', key: 'there' } } },
        { name: 'LATER', value: 'late' },
        { name: 'token', value: 'own' },
        { name: 'EMPTY' },
      ],
    });
    const expected = { P_colour: 'red', 'P_odd.key': 'x', token: 'own', PLAIN: 'red-$(LATER)-$(token)', IP: '10.0.0.5', URL: 'http://10.0.0.5:443', CPU: '2', COLOUR: 'red', TOKEN: 's3cret', FILE: 'from file', LATER: 'late', EMPTY: '' };
    for (const [name, value] of Object.entries(expected)) assert.equal(env.get(name), value, name);
    assert.ok(!env.has('MAYBE'));
  });

  test('Services', async () => {
    const env = await environment({});
    const expected = {
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_SERVICE_PORT_DNS_UDP: '53',
      KUBERNETES_PORT: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_53_UDP_PROTO: 'udp',
      MY_DB_PORT_443_TCP: 'tcp://[fd00::9]:443',
      MY_DB_PORT_443_TCP_ADDR: 'fd00::9',
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(env.get(name), value, name);
    assert.ok(![...env.keys()].some((name) => name.startsWith('HEADLESS')));
    const without = await environment({}, { enableServiceLinks: false });
    assert.ok(without.has('KUBERNETES_SERVICE_HOST') && !without.has('MY_DB_SERVICE_HOST'));
  });

  test('what is missing', async () => {
    const table: readonly (readonly [Partial<Container>, string])[] = [
      [{ envFrom: [{ configMapRef: { name: 'x' } }] }, 'configmap "x" not found'],
      [{ envFrom: [{ secretRef: { name: 'x' } }] }, 'secret "x" not found'],
      [{ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'k' } } }] }, "couldn't find key k in ConfigMap ns/cm"],
      [{ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'sec', key: 'k' } } }] }, "couldn't find key k in Secret ns/sec"],
    ];
    for (const [container, message] of table) await assert.rejects(environment(container), { message });
  });
});

test('files of variables', () => {
  assert.deepEqual([...(parseVariables("# c\n\n  A='1' # x\nB='two\nlines'\nC= 'ignored'\nD='$A'") ?? [])], [['A', '1'], ['B', 'two\nlines'], ['C', ''], ['D', '$A']]);
  for (const bad of ['A', 'A =\'1\'', 'A=1', "A='1' x", "A='1", "='1'"]) assert.equal(parseVariables(bad), undefined, bad);
});

test('host names and hosts files', () => {
  const domain = 'cluster.local';
  assert.deepEqual(podName(podOf({ subdomain: 'sub' }), domain), { hostname: 'web', domain: 'sub.ns.svc.cluster.local' });
  assert.equal(podName(podOf({}, { name: `${'a'.repeat(62)}-.b` }), domain).hostname, 'a'.repeat(62));
  assert.equal(sandboxHostname(podOf({ hostname: 'h', subdomain: 's', setHostnameAsFQDN: true }), domain), 'h.s.ns.svc.cluster.local');
  assert.equal(sandboxHostname(podOf({ hostNetwork: true }), domain), '');
  assert.throws(() => sandboxHostname(podOf({ subdomain: 's'.repeat(60), setHostnameAsFQDN: true }), domain), /is too long \(64 characters is the max/);
  const pod = podOf({ subdomain: 'sub', hostAliases: [{ ip: '1.2.3.4', hostnames: ['foo', 'bar'] }] });
  const text = hostsFile(pod, podName(pod, domain), ['10.0.0.5'], '');
  assert.match(text, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
  assert.match(text, /\n10\.0\.0\.5\tweb\.sub\.ns\.svc\.cluster\.local\tweb\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\tfoo\tbar\n$/);
  assert.equal(hostsFile(podOf({ hostNetwork: true }), { hostname: 'web', domain: '' }, [], '127.0.0.1 localhost\n'), '# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n');
});

test('DNS', () => {
  const node = parseResolvConf('# x\nnameserver 192.0.2.53\nsearch old\nsearch corp. .\noptions timeout:1 rotate\noptions timeout:2\n');
  assert.deepEqual(node, { servers: ['192.0.2.53'], searches: ['corp'], options: ['timeout:2', 'rotate'] });
  const cluster = { servers: ['10.96.0.10'], domain: 'cluster.local' };
  const warnings: string[] = [];
  const dns = (spec: Partial<Pod['spec']>, of = cluster) => podDns(podOf(spec), of, node, (reason) => warnings.push(reason));
  const clusterSearches = ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];
  assert.deepEqual(dns({ dnsPolicy: 'ClusterFirst' }), { servers: ['10.96.0.10'], searches: [...clusterSearches, 'corp'], options: ['ndots:5'] });
  assert.deepEqual(dns({ dnsPolicy: 'ClusterFirst', hostNetwork: true }), node);
  assert.deepEqual(dns({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }).servers, ['10.96.0.10']);
  assert.deepEqual(dns({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a.b'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] } }), { servers: ['1.1.1.1'], searches: ['a.b'], options: ['ndots:2', 'edns0'] });
  assert.deepEqual(dns({ dnsPolicy: 'ClusterFirst', dnsConfig: { options: [{ name: 'ndots', value: '1' }] } }).options, ['ndots:1']);
  assert.deepEqual(warnings, []);
  assert.equal(dns({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1', '2', '3', '4'] } }).servers.length, 3);
  assert.deepEqual(dns({}, { servers: [], domain: 'x' }), node);
  assert.deepEqual(warnings, ['DNSConfigForming', 'MissingClusterDNS']);
});

test('who is killed first', () => {
  const gib = 2 ** 30;
  const with_ = (memory: string | undefined, limits = {}): Container => ({ name: 'main', resources: { requests: memory === undefined ? {} : { memory }, limits } });
  const score = (container: Container, spec: Partial<Pod['spec']> = {}) => oomScoreAdj(podOf({ containers: [container], ...spec }), container, 4 * gib);
  assert.equal(score(with_(undefined)), 1000);
  assert.equal(score(with_('1Gi')), 750);
  assert.equal(score(with_('4Gi')), 3);
  assert.equal(score(with_('1')), 999);
  assert.equal(score({ name: 'main', resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } } }), -997);
  assert.equal(score(with_('1Gi'), { priorityClassName: 'system-node-critical' }), -997);
  const sidecar: Container = { name: 'side', restartPolicy: 'Always', resources: { requests: { memory: '1Mi' } } };
  assert.equal(oomScoreAdj(podOf({ initContainers: [sidecar], containers: [with_('2Gi')] }), sidecar, 4 * gib), 500);
});

test('credentials', () => {
  const secret = (auths: object): Secret => ({ apiVersion: 'v1', kind: 'Secret', metadata: {}, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') } });
  const auth = Buffer.from('user:pass:word').toString('base64');
  const secrets = [secret({ 'https://reg.example/v2/': { auth }, 'reg.example/team': { username: 'team', password: 'p' }, '*.glob.example:5000': { username: 'glob', password: 'p' }, 'https://index.docker.io/v1/': { username: 'hub', password: 'p' } })];
  const users = (image: string) => credentialsFor(image, secrets).map(({ username }) => username);
  assert.deepEqual(users('reg.example/team/app:1'), ['team', 'user']);
  assert.deepEqual(users('reg.example/other'), ['user']);
  assert.equal(credentialsFor('reg.example/other', secrets)[0]?.password, 'pass:word');
  assert.deepEqual(users('a.glob.example:5000/x'), ['glob']);
  assert.deepEqual(users('a.b.glob.example:5000/x'), []);
  assert.deepEqual(users('a.glob.example/x'), []);
  assert.deepEqual(users('nginx'), ['hub']);
  assert.deepEqual(users('library/nginx:1'), ['hub']);
  assert.deepEqual(credentialsFor('x.example/y', [{ ...secrets[0]!, data: { '.dockerconfigjson': 'AAAA' } }]), []);
});
