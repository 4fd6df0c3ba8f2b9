import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../api/errors.ts';
import { bodyMediaType, negotiate } from './negotiation.ts';

const table = (form: { kind: string; version: string; group: string }) => form.kind === 'Table' && form.version === 'v1' && form.group === 'meta.k8s.io';

describe('negotiate', () => {
  const chosen: [string | undefined, string, string | undefined][] = [
    [undefined, 'application/json', undefined],
    ['', 'application/json', undefined],
    ['*/*', 'application/json', undefined],
    ['application/*', 'application/json', undefined],
    ['application/yaml', 'application/yaml', undefined],
    ['application/vnd.kubernetes.protobuf', 'application/vnd.kubernetes.protobuf', undefined],
    ['application/vnd.kubernetes.protobuf,application/json', 'application/vnd.kubernetes.protobuf', undefined],
    ['application/json;q=0.5,application/yaml', 'application/yaml', undefined],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/json', undefined],
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json', 'application/json', 'Table'],
    ['application/json;as=Table;v=v2;g=meta.k8s.io, application/json', 'application/json', undefined],
    ['application/json;stream=watch', 'application/json', undefined],
    ['application/cbor, application/json', 'application/json', undefined],
  ];
  for (const [accept, mediaType, as] of chosen) {
    test(`${accept} is answered with ${mediaType}`, () => {
      const found = negotiate({ accept, offers: table });
      assert.equal(found.mediaType, mediaType);
      assert.equal(found.as?.kind, as);
    });
  }

  test('what cannot be given is a 406', () => {
    for (const accept of ['application/cbor', 'text/html', 'application/json;as=Table;v=v2;g=meta.k8s.io', 'application/json;stream=other'])
      assert.throws(
        () => negotiate({ accept, offers: table }),
        (error) =>
          error instanceof ApiError &&
          error.code === 406 &&
          error.message === 'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      );
  });

  test('pretty is for people', () => {
    assert.equal(negotiate({ accept: '*/*', userAgent: 'curl/8' }).pretty, true);
    assert.equal(negotiate({ accept: '*/*', userAgent: 'Mozilla/5.0 (X11)' }).pretty, true);
    assert.equal(negotiate({ accept: '*/*', userAgent: 'kubectl/v1.36' }).pretty, false);
    assert.equal(negotiate({ accept: '*/*', userAgent: 'curl/8', pretty: '0' }).pretty, false);
    assert.equal(negotiate({ accept: '*/*', pretty: 'true' }).pretty, true);
    assert.equal(negotiate({ accept: 'application/json;pretty=1' }).pretty, true);
  });

  test('no header breaks it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.array(fc.constantFrom('application', '/', 'json', ';', '=', 'q', ',', '*', 'as', '0.5')).map((parts) => parts.join(''))), (accept) => {
        try {
          negotiate({ accept });
        } catch (error) {
          assert.ok(error instanceof ApiError);
        }
      }),
    );
  });
});

test('bodyMediaType', () => {
  assert.equal(bodyMediaType(undefined), 'application/json');
  assert.equal(bodyMediaType('Application/JSON; charset=utf-8'), 'application/json');
  assert.throws(
    () => bodyMediaType('application/cbor'),
    /accepted media types include: application\/json, application\/yaml, application\/vnd.kubernetes.protobuf/,
  );
});
