import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { builtInCatalogue } from '../catalogue.ts';
import { applyDefaults } from '../defaulting/defaulters.ts';
import type { KubeObject } from '../object.ts';
import { validateCreate, validateUpdate } from './validators.ts';

const resource = builtInCatalogue().lookup('', 'v1', 'pods')!;

/** `field: message` of each error of a pod with that spec, after defaulting. */
function errorsOf(spec: Record<string, unknown>, metadata: Record<string, unknown> = {}): string[] {
  const pod = podWith(spec, metadata);
  return validateCreate(resource, pod).map(({ field, message }) => `${field}: ${message}`);
}

function podWith(spec: Record<string, unknown>, metadata: Record<string, unknown> = {}): KubeObject {
  const pod = {
    metadata: { name: 'p', namespace: 'default', ...metadata },
    spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
  } as unknown as KubeObject;
  applyDefaults('', 'v1', 'Pod', pod);
  return pod;
}

const one = (fields: Record<string, unknown>) => ({ containers: [{ name: 'c', image: 'nginx', ...fields }] });
const container = 'spec.containers[0]';
const labelForm =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const cases: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
  ['a plain pod is good', {}, []],
  ['no containers', { containers: [] }, ['spec.containers: Required value']],
  ['names and images', { containers: [{ name: 'C_', image: '' }] }, [`${container}.name: Invalid value: "C_": ${labelForm}`, `${container}.image: Required value`]],
  ['dots are told apart', { containers: [{ name: 'a.b', image: 'x' }] }, [`${container}.name: Invalid value: "a.b": must not contain dots`]],
  ['restart policy', { restartPolicy: 'Foo' }, ['spec.restartPolicy: Unsupported value: "Foo": supported values: "Always", "OnFailure", "Never"']],
  [
    'ports',
    one({ ports: [{ containerPort: 0 }, { containerPort: 70000 }, { containerPort: 80, name: 'a' }, { containerPort: 81, name: 'a' }] }),
    [
      `${container}.ports[0].containerPort: Required value`,
      `${container}.ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
      `${container}.ports[3].name: Duplicate value: "a"`,
    ],
  ],
  ['host ports', one({ ports: [{ containerPort: 1, hostPort: 80 }, { containerPort: 2, hostPort: 80 }] }), [`${container}.ports[1].hostPort: Duplicate value: "TCP//80"`]],
  [
    'mounts',
    one({ volumeMounts: [{ name: 'v', mountPath: '/a' }] }),
    [`${container}.volumeMounts[0].name: Not found: "v"`],
  ],
  [
    'requests above the limit',
    one({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }),
    [`${container}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`],
  ],
  [
    'devices are not overcommitted',
    one({ resources: { requests: { 'example.com/gpu': '1' } } }),
    [`${container}.resources.limits: Required value: Limit must be set for non overcommitable resources`],
  ],
  [
    'environment',
    one({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'foo' } } }, { name: 'a=b' }] }),
    [
      `${container}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "foo": error converting fieldPath: field label not supported: foo`,
      `${container}.env[1].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='`,
    ],
  ],
  ['probes', one({ livenessProbe: {} }), [`${container}.livenessProbe: Required value: must specify a handler type`]],
  ['two sources', { volumes: [{ name: 'x', emptyDir: {}, hostPath: { path: '/' } }] }, ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type']],
  ['addresses', { dnsConfig: { nameservers: ['1.2.3', '010.0.0.1'] } }, [
    'spec.dnsConfig.nameservers[0]: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'spec.dnsConfig.nameservers[1]: Invalid value: "010.0.0.1": must not have leading 0s',
  ]],
  ['tolerations', { tolerations: [{ key: 'a', operator: 'Exists', value: 'x' }] }, [`spec.tolerations[0].operator: Invalid value: "x": value must be empty when \`operator\` is 'Exists'`]],
  ['gated and placed', { nodeName: 'n', schedulingGates: [{ name: 'a.b/c' }] }, ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared']],
  ['ephemeral containers come later', { ephemeralContainers: [{ name: 'e', image: 'x' }] }, ['spec.ephemeralContainers: Forbidden: cannot be set on create']],
];

describe('creating a pod', () => {
  for (const [name, spec, expected] of cases) test(name, () => assert.deepEqual(errorsOf(spec), expected));

  test('metadata comes first', () => {
    const [first, second] = errorsOf({ containers: [] }, { name: '', finalizers: ['mine'] });
    assert.equal(first, 'metadata.name: Required value: name or generateName is required');
    assert.equal(second, 'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified');
  });
});

describe('changing a pod', () => {
  const updated = (change: (pod: KubeObject, spec: Record<string, unknown>) => void, subresource = '', spec: Record<string, unknown> = {}) => {
    const old = podWith(spec, { resourceVersion: '1', uid: 'u' });
    const pod = structuredClone(old);
    change(pod, pod['spec'] as Record<string, unknown>);
    return validateUpdate(resource, pod, old, subresource).map(({ field, message }) => `${field}: ${message}`);
  };

  test('images, labels and a first deadline may change', () => {
    const errors = updated((pod, spec) => {
      pod.metadata.labels = { a: 'b' };
      spec['containers'] = [{ ...(spec['containers'] as object[])[0], image: 'other' }];
      spec['activeDeadlineSeconds'] = 5;
    });
    assert.deepEqual(errors, []);
  });

  test('the rest may not, and the difference is shown', () => {
    const [error = ''] = updated((_, spec) => (spec['restartPolicy'] = 'Never'));
    assert.match(error, /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`,`spec.initContainers/);
    assert.match(error, /\n- "restartPolicy": "Always",\n\+ "restartPolicy": "Never",\n/);
  });

  test('tolerations are only added', () => {
    const tolerations = [{ key: 'a', operator: 'Exists' }];
    assert.deepEqual(updated((_, spec) => (spec['tolerations'] = [...tolerations, { key: 'b', operator: 'Exists' }]), '', { tolerations }), []);
    assert.equal(
      updated((_, spec) => (spec['tolerations'] = []), '', { tolerations })[0],
      'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    );
  });

  test('what an update cannot do without', () => {
    assert.deepEqual(updated((pod) => delete pod.metadata.resourceVersion), [
      'metadata.resourceVersion: Invalid value: "": must be specified for an update',
    ]);
    assert.deepEqual(updated((pod) => (pod.metadata.uid = 'other')), ['metadata.uid: Invalid value: "other": field is immutable']);
  });

  test('a resize keeps the class of service and changes amounts only', () => {
    const before = one({ resources: { requests: { cpu: '1' } } });
    const resources = (amounts: object) => (_: KubeObject, spec: Record<string, unknown>) => {
      spec['containers'] = [{ ...(spec['containers'] as object[])[0], resources: amounts }];
    };
    assert.deepEqual(updated(resources({ requests: { cpu: '2' } }), 'resize', before), []);
    assert.deepEqual(updated(resources({ requests: { cpu: '1', 'ephemeral-storage': '1' } }), 'resize', before), [
      'spec: Forbidden: only cpu and memory resources are mutable',
    ]);
    const policy = (_: KubeObject, spec: Record<string, unknown>) => {
      spec['containers'] = [{ ...(spec['containers'] as object[])[0], resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }];
    };
    assert.deepEqual(updated(policy, 'resize', before), ['spec: Forbidden: only cpu and memory resources are mutable']);
    assert.ok(updated(resources({}), 'resize', before).includes('spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed'));
  });

  test('the class of service of the status is not to be changed', () => {
    const [error] = updated((pod) => (pod['status'] = { qosClass: 'Guaranteed' }), 'status');
    assert.equal(error, 'status.qosClass: Invalid value: "Guaranteed": field is immutable');
  });
});
