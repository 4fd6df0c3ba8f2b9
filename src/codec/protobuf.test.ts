import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../api/errors.ts';
import { parseJson, stringifyJson } from './json.ts';
import { decodeProtobuf, encodeList, encodeMessage, encodeProtobuf, encodeWatchFrame, envelope, messageOfKind } from './protobuf.ts';

const golden = join(import.meta.dirname, '../../../shared/kubernetes-1.36/golden');
const skip = existsSync(golden) ? false : 'no golden folder beside the repository';
/** An event has no kind of its own; it never stands in an envelope. */
const names = skip ? [] : readdirSync(golden).flatMap((file) => (file.endsWith('.json') && !file.includes('WatchEvent') ? [file.slice(0, -5)] : []));
const json = (name: string) => readFileSync(join(golden, `${name}.json`), 'utf8').trimEnd();
const protobuf = (name: string) => readFileSync(join(golden, `${name}.pb`));

describe('golden objects', { skip }, () => {
  for (const name of names)
    test(name, () => {
      assert.deepEqual(Buffer.from(encodeProtobuf(JSON.parse(json(name)) as object)), protobuf(name), 'encoded');
      assert.equal(JSON.stringify(decodeProtobuf(protobuf(name)), null, 2), json(name), 'decoded');
    });
});

describe('emptiness', () => {
  const roundTrip = (object: object) => decodeProtobuf(encodeProtobuf(object));

  test('what is not a pointer is written, and read back as JSON shows it', () => {
    assert.deepEqual(roundTrip({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a' } }), {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'a' },
      spec: { containers: [] },
      status: {},
    });
    assert.equal(
      Buffer.from(encodeProtobuf({ kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'a' } })).toString('hex'),
      '6b3873000a0f0a02763112094e616d65737061636512190a110a016112001a0022002a0032003800420012001a020a001a002200',
    );
  });

  test('int64 is exact, negative numbers too', () => {
    for (const seconds of ['0', '-1', '4294967296', '-4294967297', '9007199254740993', '-9223372036854775808', '9223372036854775807']) {
      const object = parseJson(Buffer.from(`{"kind":"Pod","apiVersion":"v1","spec":{"activeDeadlineSeconds":${seconds},"containers":[]}}`)) as object;
      assert.match(stringifyJson(roundTrip(object)), new RegExp(`"activeDeadlineSeconds":${seconds}[,}]`));
    }
  });

  test('keys of the prototype are harmless', () => {
    const object = JSON.parse('{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"data":{"__proto__":"x","constructor":"y"}}') as object;
    assert.equal(stringifyJson(roundTrip(object)), stringifyJson(object));
  });

  test('an int-or-string of zero stays', () => {
    const object = { kind: 'Service', apiVersion: 'v1', metadata: {}, spec: { ports: [{ port: 1, targetPort: 0 }] }, status: { loadBalancer: {} } };
    assert.deepEqual(roundTrip(object), object);
  });

  test('any text survives', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme', maxLength: 100 })), (data) => {
        const decoded = roundTrip({ kind: 'ConfigMap', apiVersion: 'v1', metadata: {}, data }) as { data?: object };
        assert.deepEqual({ ...decoded.data }, { ...data });
      }),
    );
  });
});

test('a list is made of the bytes of its items', () => {
  const items = ['a', 'b'].map((name) => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, data: { key: 'x'.repeat(300) } }));
  const list = { kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '7' }, items: items.map(({ metadata, data }) => ({ metadata, data })) };
  const messages = items.map((item) => encodeMessage(item));
  const bytes = Buffer.concat(encodeList(list, list.metadata, messages));
  assert.deepEqual(envelope(items[0] ?? {}, messages[0] ?? Buffer.of()), encodeProtobuf(items[0] ?? {}));
  assert.deepEqual(Buffer.from(bytes), Buffer.from(encodeProtobuf(list)));
  assert.deepEqual(decodeProtobuf(bytes), list);
});

test('a custom resource is not taken for a built-in kind', () => {
  assert.equal(messageOfKind({ apiVersion: 'apps/v1', kind: 'Deployment' }), 'k8s.io.api.apps.v1.Deployment');
  assert.equal(messageOfKind({ apiVersion: 'v1', kind: 'Status' }), 'k8s.io.apimachinery.pkg.apis.meta.v1.Status');
  assert.equal(messageOfKind({ apiVersion: 'example.com/v1', kind: 'DeleteOptions' }), 'k8s.io.apimachinery.pkg.apis.meta.v1.DeleteOptions');
  for (const apiVersion of ['apps.example.com/v1', 'networking.istio.io/v1', 'gateway.networking.k8s.io/v1', 'example.com/v1'])
    for (const kind of ['Deployment', 'Ingress', 'Condition', 'Status']) assert.equal(messageOfKind({ apiVersion, kind }), undefined);
});

test('a watch frame says how long it is', () => {
  const object = encodeProtobuf({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } });
  const frame = Buffer.from(encodeWatchFrame('ADDED', object));
  assert.equal(frame.readUInt32BE(0), frame.length - 4);
  assert.equal(frame.subarray(4, 11).toString('latin1'), '\n\x05ADDED');
  assert.deepEqual(frame.subarray(-object.length), Buffer.from(object));
});

describe('malformed bytes', () => {
  const refuses = (bytes: Uint8Array, message: RegExp) => assert.throws(() => decodeProtobuf(bytes), (error) => error instanceof ApiError && error.code === 400 && message.test(error.message));

  test('are a 400 that says why', () => {
    refuses(Buffer.from('{}'), /expected prefix \[107 56 115 0\]/);
    refuses(Buffer.from('k8s\0\x0a\xff', 'latin1'), /unexpected EOF/);
    refuses(Buffer.from('k8s\0'), /no kind "" is registered/);
    refuses(encodeEmpty('Nope'), /no kind "Nope" is registered for version "v1"/);
  });

  test('never do worse, whatever they are', () => {
    const samples = [
      encodeProtobuf({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', labels: { a: 'b' } }, spec: { containers: [{ name: 'c', resources: { limits: { cpu: '1' } } }] } }),
      ...(skip ? [] : ['core.v1.Pod', 'apiextensions.k8s.io.v1.CustomResourceDefinition', 'apps.v1.ControllerRevision', 'core.v1.Event'].filter((name) => names.includes(name)).map(protobuf)),
    ];
    const change = fc.tuple(fc.nat(), fc.nat(255), fc.boolean());
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.array(change, { minLength: 1, maxLength: 4 }), (sample, changes) => {
        let bytes = Buffer.from(sample);
        for (const [where, value, cut] of changes) {
          const at = 4 + (where % (bytes.length - 4));
          if (cut) bytes = bytes.subarray(0, at + 1);
          else bytes[at] = value;
        }
        try {
          decodeProtobuf(bytes);
        } catch (error) {
          assert.ok(error instanceof ApiError && error.code === 400, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function encodeEmpty(kind: string): Uint8Array {
  return envelope({ apiVersion: 'v1', kind }, new Uint8Array());
}
