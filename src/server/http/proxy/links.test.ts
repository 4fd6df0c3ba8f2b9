import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { withRewrittenLinks } from './html-links.ts';
import { rewriteLink } from './links.ts';

const page = { prefix: '/api/v1/namespaces/ns/services/web:80/proxy', backendHost: '10.1.2.3:8080', requestHost: 'localhost:8001' };
const { prefix } = page;

describe('links of a page behind a proxy', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['/path?a=b#c', `${prefix}/path?a=b#c`],
    ['/path/', `${prefix}/path/`],
    ['http://10.1.2.3:8080/path', `${prefix}/path`],
    ['//10.1.2.3:8080/path', `${prefix}/path`],
    ['http://localhost:8001/path', `http://localhost:8001${prefix}/path`],
    [`http://localhost:8001${prefix}/path`, `http://localhost:8001${prefix}/path`],
    [`${prefix}/there/already`, `${prefix}/there/already`],
    ['http://example.com/path', 'http://example.com/path'],
    ['relative/path', 'relative/path'],
    ['?only=query', '?only=query'],
    ['#fragment', '#fragment'],
    ['mailto:someone@example.com', 'mailto:someone@example.com'],
    ['', ''],
  ];
  for (const [link, expected] of cases) test(link, () => assert.equal(rewriteLink(link, page), expected));
});

describe('pages', () => {
  const rewrite = (link: string) => rewriteLink(link, page);
  const rewritten = async (text: string, cuts: readonly number[] = []) => {
    const bytes = Buffer.from(text);
    const edges = [0, ...[...cuts].filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
    const parts = edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
    return (await buffer(withRewrittenLinks(partsOf(parts), '', rewrite) as AsyncIterable<Uint8Array>)).toString();
  };
  async function* partsOf(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
    yield* parts;
  }

  const text = `<!DOCTYPE html><html><head><title><a href="/no"></title><LINK rel=x HREF='/style.css'><script src=/app.js>if (a < b) "<a href='/no'>"</script></head>
<!-- <a href="/no"> --><body><a class="x" href="/path?a=1&amp;b=2">ä</a> 1 < 2 <img alt="a > b" src="/image.png"/><form action="/post"></form><div href="/no">`;
  const expected = `<!DOCTYPE html><html><head><title><a href="/no"></title><LINK rel=x HREF="${prefix}/style.css"><script src="${prefix}/app.js">if (a < b) "<a href='/no'>"</script></head>
<!-- <a href="/no"> --><body><a class="x" href="${prefix}/path?a=1&amp;b=2">ä</a> 1 < 2 <img alt="a > b" src="${prefix}/image.png"/><form action="${prefix}/post"></form><div href="/no">`;

  test('what is a link and what is not', async () => assert.equal(await rewritten(text), expected));

  test('in pieces of any size', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 30 }), async (cuts) => assert.equal(await rewritten(text, cuts), expected)));
  });

  test('what is no page passes as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
        const passed = await buffer(withRewrittenLinks(partsOf([bytes]), '', (link) => link) as AsyncIterable<Uint8Array>);
        assert.deepEqual(new Uint8Array(passed), bytes);
      }),
    );
  });

  test('a tag without an end is not held', async () => {
    let most = 0;
    const parts = (async function* () {
      for (let i = 0; i < 50; i++) yield Buffer.from(i === 0 ? '<a ' : 'x'.repeat(10_000));
    })();
    let given = 0;
    let i = 0;
    for await (const part of withRewrittenLinks(parts, '', rewrite) as AsyncIterable<Uint8Array>) {
      given += part.length;
      most = Math.max(most, i++ * 10_000 - given);
    }
    assert.equal(given, 490_003);
    assert.ok(most < 100_000);
  });

  test('compressed ones', async () => {
    const passed = withRewrittenLinks(partsOf([gzipSync(text)]), 'gzip', rewrite);
    assert.equal(gunzipSync(await buffer(passed as AsyncIterable<Uint8Array>)).toString(), expected);
    assert.equal(withRewrittenLinks(partsOf([]), 'br', rewrite), undefined);
    await assert.rejects(buffer(withRewrittenLinks(partsOf([Buffer.from('no gzip')]), 'gzip', rewrite) as AsyncIterable<Uint8Array>));
  });
});
