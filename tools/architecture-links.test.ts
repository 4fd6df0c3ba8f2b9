import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { checkDocument, documentsOf } from './architecture-links.ts';

const root = join(import.meta.dirname, '..');

describe('the links of the documents hold', () => {
  for (const document of documentsOf(root))
    test(document, () => {
      const { problems } = checkDocument(root, document);
      assert.deepEqual(
        problems.map(({ at, what }) => `${at}: ${what}`),
        [],
        'moved code: node tools/architecture-links.ts --fix',
      );
    });
});

/** A root with one file of code, four lines long, and a README. */
function rootWith(context: TestContext, readme: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'coxswain-links-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src/a.ts'), 'first();\nsecond(x);\nsame();\nsame();\n');
  writeFileSync(join(folder, 'README.md'), readme);
  return folder;
}

describe('a link', () => {
  test('to a file, to its line, to another site or within the page is good', (context) => {
    const readme = '[a](src/a.ts) [b](src/a.ts#L2 "second(x)") [c](https://example.com/x.ts#L9) [d](#below)';
    const { problems, links } = checkDocument(rootWith(context, readme), 'README.md');
    assert.deepEqual(problems, []);
    assert.equal(links, 2);
  });

  test('to what is not there is reported', (context) => {
    const readme = '[a](src/b.ts)\n[b](src/a.ts#L1 "third")\n[c](src/a.ts#L3 "same()")\n[d](src/a.ts#L3)';
    const { problems, text } = checkDocument(rootWith(context, readme), 'README.md');
    assert.deepEqual(problems, [
      { at: 'README.md:1', what: 'there is no src/b.ts', fixable: false },
      { at: 'README.md:2', what: '"third" is not in src/a.ts', fixable: false },
      { at: 'README.md:3', what: '"same()" is on 2 lines of src/a.ts (3, 4)', fixable: false },
      { at: 'README.md:4', what: 'src/a.ts#L3 does not say by a title which code it means', fixable: false },
    ]);
    assert.equal(text, readme);
  });

  test('follows its fragment, and nothing else changes', (context) => {
    const readme = '# T\n[`a`](src/a.ts#L7 "second(x)"), [b](src/a.ts "first()")\n`[c](src/a.ts#L9 "first()")`\n';
    const { problems, text } = checkDocument(rootWith(context, readme), 'README.md');
    assert.deepEqual(
      problems.map(({ at, fixable }) => ({ at, fixable })),
      [
        { at: 'README.md:2', fixable: true },
        { at: 'README.md:2', fixable: true },
      ],
    );
    assert.equal(text, '# T\n[`a`](src/a.ts#L2 "second(x)"), [b](src/a.ts#L1 "first()")\n`[c](src/a.ts#L9 "first()")`\n');
  });

  test('shown as code is not looked at', (context) => {
    const readme = '```\n[a](src/none.ts)\n```\n`[b](src/none.ts)`\n';
    assert.equal(checkDocument(rootWith(context, readme), 'README.md').links, 0);
  });

  test('of a page in docs/ is relative to it', (context) => {
    const folder = rootWith(context, '');
    mkdirSync(join(folder, 'docs'));
    writeFileSync(join(folder, 'docs/page.md'), '[a](../src/a.ts#L1 "first()") [b](src/a.ts)');
    assert.deepEqual(documentsOf(folder), ['README.md', 'docs/page.md']);
    assert.deepEqual(
      checkDocument(folder, 'docs/page.md').problems.map(({ what }) => what),
      ['there is no src/a.ts'],
    );
  });
});
