import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { builtInCatalogue, type Catalogue } from '../../../api/catalogue.ts';
import { decodeUtf8 } from '../../../base/bytes.ts';
import { noDescriptions } from './descriptions.ts';
import { OpenApiLibrary, type Entry } from './library.ts';

function libraryOf(catalogue: Catalogue): OpenApiLibrary {
  return new OpenApiLibrary(catalogue, async () => noDescriptions);
}

/** Every reference in a document, without what they all begin with. */
function refsIn(text: string, prefix: string): Set<string> {
  const refs = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref);
  for (const ref of refs) assert.ok(ref.startsWith(prefix), ref);
  return new Set(refs.map((ref) => ref.slice(prefix.length)));
}

interface AnyDocument {
  readonly paths: Record<string, unknown>;
  readonly definitions: Record<string, unknown>;
  readonly components: { readonly schemas: Record<string, unknown> };
}

describe('the library of documents', () => {
  test('every document of OpenAPI 3.0 holds all that it refers to, and nothing else', async () => {
    const library = libraryOf(builtInCatalogue());
    const { v3 } = await library.contents();
    assert.ok(v3.size > 30);
    for (const [key, entry] of v3) {
      const text = decodeUtf8((await library.documentV3(entry)).body);
      const document = JSON.parse(text) as AnyDocument;
      const refs = refsIn(text, '#/components/schemas/');
      const schemas = Object.keys(document.components.schemas);
      for (const ref of refs) assert.ok(schemas.includes(ref), `${key}: ${ref}`);
      // Events are what a list answers with when it is watched; no operation names them.
      for (const schema of schemas) assert.ok(refs.has(schema) || schema.endsWith('.WatchEvent'), `${key}: ${schema}`);
    }
  });

  test('the Swagger document holds all that it refers to', async () => {
    const library = libraryOf(builtInCatalogue());
    const { v2 } = await library.contents();
    const text = decodeUtf8((await library.documentV2(v2, 'json')).body);
    const document = JSON.parse(text) as AnyDocument;
    for (const ref of refsIn(text, '#/definitions/')) assert.ok(ref in document.definitions, ref);
    assert.ok('/version/' in document.paths);
  });

  test('a change of the catalogue changes the hashes of what it touches only', async () => {
    const catalogue = builtInCatalogue();
    const library = libraryOf(catalogue);
    const before = await library.contents();
    assert.equal(await library.contents(), before);
    catalogue.remove('apps', 'v1', 'daemonsets');
    const after = await library.contents();
    const hash = (entries: ReadonlyMap<string, Entry>, key: string): string | undefined => entries.get(key)?.hash;
    assert.notEqual(hash(after.v3, 'apis/apps/v1'), hash(before.v3, 'apis/apps/v1'));
    assert.equal(hash(after.v3, 'apis/batch/v1'), hash(before.v3, 'apis/batch/v1'));
    assert.notEqual(after.v2.hash, before.v2.hash);
  });

  test('two libraries know the same document by the same hash', async () => {
    const [one, other] = await Promise.all([libraryOf(builtInCatalogue()).contents(), libraryOf(builtInCatalogue()).contents()]);
    assert.deepEqual([...one.v3].map(([key, { hash }]) => [key, hash]), [...other.v3].map(([key, { hash }]) => [key, hash]));
  });

  test('a document asked for twice at once is made once', async () => {
    const library = libraryOf(builtInCatalogue());
    const entry = (await library.contents()).v3.get('apis/apps/v1');
    assert.ok(entry);
    const [one, other] = await Promise.all([library.documentV3(entry), library.documentV3(entry)]);
    assert.equal(one, other);
  });
});
