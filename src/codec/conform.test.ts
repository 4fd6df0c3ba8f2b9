import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../api/errors.ts';
import { allTypes } from '../api/schema.ts';
import { conform } from './conform.ts';
import { parseJson, stringifyJson } from './json.ts';

const podType = 'io.k8s.api.core.v1.Pod';
const parse = (value: unknown) => parseJson(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))) as Record<string, unknown>;
const pod = (value: unknown) => {
  const object = parse(value);
  return { object, unknown: conform(object, podType, { kind: 'Pod', version: 'v1' }).unknown };
};
const container = (fields: object) => {
  const { object } = pod({ spec: { containers: [{ name: 'c', ...fields }] } });
  return (object as { spec: { containers: Record<string, unknown>[] } }).spec.containers[0];
};

describe('conform', () => {
  test('unknown fields go, and are reported by their paths', () => {
    const { object, unknown } = pod({
      foo: 1,
      metadata: { name: 'a', Labels: {}, __proto__x: 1 },
      spec: { containers: [{ name: 'c', foo: 1, resources: { limits: { cpu: '1' }, bar: {} } }] },
    });
    assert.deepEqual(unknown, ['foo', 'metadata.Labels', 'metadata.__proto__x', 'spec.containers[0].foo', 'spec.containers[0].resources.bar']);
    assert.deepEqual(object, { metadata: { name: 'a' }, spec: { containers: [{ name: 'c', resources: { limits: { cpu: '1' } } }] }, status: {} });
  });

  test('keys of the prototype are harmless', () => {
    const { object, unknown } = pod('{"__proto__":{"a":1},"constructor":{},"metadata":{"labels":{"__proto__":"x","toString":"y"}}}');
    assert.deepEqual(unknown, ['__proto__', 'constructor']);
    assert.equal(stringifyJson((object as { metadata: unknown }).metadata), '{"labels":{"__proto__":"x","toString":"y"}}');
    assert.equal(Object.getPrototypeOf(object), Object.prototype);
  });

  test('nulls and empty values mean absent', () => {
    const { object } = pod({
      metadata: { name: null, labels: {}, annotations: { a: null } },
      spec: { nodeName: '', hostNetwork: false, containers: [{ name: 'c', command: [], args: [null, 'b'], stdin: null, env: [null] }], volumes: [] },
    });
    assert.deepEqual(object, {
      metadata: { annotations: { a: '' } },
      spec: { containers: [{ name: 'c', args: ['', 'b'], env: [{ name: '' }], resources: {} }] },
      status: {},
    });
  });

  test('quantities and times are canonical', () => {
    assert.deepEqual(container({ resources: { limits: { cpu: 0.5, memory: '1024Mi', x: '1000m' }, requests: { cpu: 1 } } }), {
      name: 'c',
      resources: { limits: { cpu: '500m', memory: '1Gi', x: '1' }, requests: { cpu: '1' } },
    });
    const { object } = pod({ metadata: { creationTimestamp: '2024-02-29T02:00:00.5+02:00' } });
    assert.deepEqual(object.metadata, { creationTimestamp: '2024-02-29T00:00:00Z' });
  });

  const wrong: [string, unknown, string][] = [
    ['a number for a string', { spec: { containers: [{ image: 1 }] } }, 'json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string'],
    ['a string for a list', { spec: { containers: 'x' } }, 'json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container'],
    ['a list for a struct', { spec: [] }, 'json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec'],
    ['a bool in a map of strings', { metadata: { labels: { a: true } } }, 'json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string'],
    ['a number too big for int32', { spec: { priority: 2147483648 } }, 'json: cannot unmarshal number 2147483648 into Go struct field PodSpec.spec.priority of type int32'],
    ['a fraction for an integer', { spec: { activeDeadlineSeconds: 1.5 } }, 'json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64'],
    ['a bad quantity', { spec: { overhead: { cpu: 'x' } } }, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
    ['a bad time', { metadata: { creationTimestamp: 'yesterday' } }, 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"'],
    ['a month that is none', { metadata: { creationTimestamp: '2024-13-01T00:00:00Z' } }, 'parsing time "2024-13-01T00:00:00Z": month out of range'],
    ['a bool for an int-or-string', { spec: { containers: [{ livenessProbe: { httpGet: { port: true } } }] } }, 'json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32'],
    ['a number for a time', { metadata: { creationTimestamp: 5 } }, 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string'],
    ['a string for an embedded struct', { spec: { volumes: [{ emptyDir: 'x' }] } }, 'json: cannot unmarshal string into Go struct field Volume.spec.volumes.VolumeSource.emptyDir of type v1.EmptyDirVolumeSource'],
  ];
  for (const [what, body, message] of wrong) {
    test(`${what} is refused`, () => {
      assert.throws(
        () => pod(body),
        (error) => error instanceof ApiError && error.code === 400 && error.message === `Pod in version "v1" cannot be handled as a Pod: ${message}`,
      );
    });
  }

  test('int64 is exact, and bounded', () => {
    const { object } = pod('{"spec":{"activeDeadlineSeconds":9223372036854775807,"containers":null}}');
    assert.match(stringifyJson(object), /"activeDeadlineSeconds":9223372036854775807/);
    assert.throws(() => pod('{"spec":{"activeDeadlineSeconds":9223372036854775808}}'), /cannot unmarshal number 9223372036854776000 into Go struct field PodSpec/);
  });

  test('base64 is checked', () => {
    const secret = (text: string) => conform(parse({ data: { a: text } }), 'io.k8s.api.core.v1.Secret', { kind: 'Secret', version: 'v1' });
    assert.doesNotThrow(() => secret('YWJj\nZA=='));
    assert.throws(() => secret('YW%j'), /illegal base64 data at input byte 2/);
    assert.throws(() => secret('YWJ'), /illegal base64 data at input byte 0/);
  });

  test('any JSON at all conforms or is refused', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom('metadata', 'spec', 'status'), fc.constantFrom(...Object.keys(allTypes())), (value, field, type) => {
        const object = JSON.parse(JSON.stringify({ [field]: value, items: value })) as object;
        try {
          conform(object, type, { kind: 'X', version: 'v1' });
        } catch (error) {
          assert.ok(error instanceof ApiError, String(error));
        }
      }),
    );
  });

  const golden = join(import.meta.dirname, '../../../shared/kubernetes-1.36/golden');
  test('the golden objects conform and stay as they are', { skip: existsSync(golden) ? false : 'no golden folder beside the repository' }, () => {
    const typeOfKind = new Map(Object.entries(allTypes()).flatMap(([name, type]) => (type.gvk ?? []).map((gvk) => [`${gvk.group === '' ? '' : `${gvk.group}/`}${gvk.version}/${gvk.kind}`, name] as const)));
    for (const file of readdirSync(golden).filter((name) => name.endsWith('.json'))) {
      const text = readFileSync(join(golden, file), 'utf8');
      const object = JSON.parse(text) as { apiVersion: string; kind: string };
      const type = typeOfKind.get(`${object.apiVersion}/${object.kind}`);
      if (!type) continue;
      assert.deepEqual(conform(object, type, { kind: object.kind, version: 'v1' }).unknown, [], file);
      assert.deepEqual(object, JSON.parse(text), file);
    }
  });
});
