/**
 * Keeps the links of the documents true. A link to a line carries a fragment of
 * that line as its title: [text](src/file.ts#L12 "fragment"). The fragment is
 * what is meant; the number is where it stands, and follows it when the code
 * moves: `--fix` writes the numbers anew. A fragment must be unique in its file.
 * Run by architecture-links.test.ts; exits 1 with the links that do not hold.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Problem {
  /** `ARCHITECTURE.md:12` */
  readonly at: string;
  readonly what: string;
  /** `--fix` can put it right. */
  readonly fixable: boolean;
}

export interface Checked {
  /** The document, with line numbers as they should be. */
  readonly text: string;
  readonly links: number;
  readonly problems: readonly Problem[];
}

/** The target and title of an inline link; a title may have anything in it but double quotes. */
const linkPattern = /\]\(([^()\s]+)(?: "([^"]*)")?\)/g;
const code = /^```[^]*?^```|`[^`\n]*`/gm;
const elsewhere = /^(?:[a-z]+:|#)/;

/** All documents whose links are kept. */
export function documentsOf(root: string): string[] {
  const docs = join(root, 'docs');
  const below = existsSync(docs) ? readdirSync(docs).filter((name) => name.endsWith('.md')) : [];
  return ['ARCHITECTURE.md', 'README.md', ...below.map((name) => `docs/${name}`)].filter((name) => existsSync(join(root, name)));
}

/** Checks the links of `document`, a path below `root`. Targets are relative to the document. */
export function checkDocument(root: string, document: string): Checked {
  const original = readFileSync(join(root, document), 'utf8');
  // What is shown as code is no link; blanked, so that all else keeps its place.
  const text = original.replace(code, (shown) => shown.replace(/[^\n]/g, ' '));
  const folder = join(root, dirname(document));
  const problems: Problem[] = [];
  const pieces: string[] = [];
  let links = 0;
  let copied = 0;
  for (const match of text.matchAll(linkPattern)) {
    const [, target = '', fragment] = match;
    if (elsewhere.test(target)) continue;
    links++;
    const at = `${document}:${text.slice(0, match.index).split('\n').length}`;
    const outcome = checkLink(folder, target, fragment);
    if (outcome.problem) problems.push({ at, what: outcome.problem, fixable: outcome.target !== undefined });
    if (outcome.target === undefined) continue;
    const start = match.index + ']('.length;
    pieces.push(original.slice(copied, start), outcome.target);
    copied = start + target.length;
  }
  pieces.push(original.slice(copied));
  return { text: pieces.join(''), links, problems };
}

/** What is wrong with a link, and the target it should have where that is known and another. */
function checkLink(folder: string, target: string, fragment: string | undefined): { readonly problem?: string; readonly target?: string } {
  const [path = '', anchor = ''] = target.split('#', 2);
  const file = join(folder, path);
  if (!existsSync(file)) return { problem: `there is no ${path}` };
  const line = /^L(\d+)$/.exec(anchor)?.[1];
  if (fragment === undefined) return line === undefined ? {} : { problem: `${target} does not say by a title which code it means` };
  const found = linesWith(readFileSync(file, 'utf8'), fragment);
  if (found.length === 0) return { problem: `"${fragment}" is not in ${path}` };
  if (found.length > 1) return { problem: `"${fragment}" is on ${found.length} lines of ${path} (${found.join(', ')})` };
  if (Number(line) === found[0]) return {};
  return { problem: `"${fragment}" is on line ${found[0]} of ${path}${line === undefined ? '' : `, not ${line}`}`, target: `${path}#L${found[0]}` };
}

/** The numbers, from 1, of the lines that contain `fragment`. */
function linesWith(text: string, fragment: string): number[] {
  const found: number[] = [];
  for (const [index, line] of text.split('\n').entries()) if (line.includes(fragment)) found.push(index + 1);
  return found;
}

function main(root: string, fix: boolean): void {
  let links = 0;
  let open = 0;
  for (const document of documentsOf(root)) {
    const checked = checkDocument(root, document);
    links += checked.links;
    if (fix && checked.problems.some(({ fixable }) => fixable)) writeFileSync(join(root, document), checked.text);
    for (const { at, what, fixable } of checked.problems) {
      if (!(fix && fixable)) open++;
      process.stderr.write(`${at}: ${what}${fix && fixable ? ' (fixed)' : ''}\n`);
    }
  }
  process.stdout.write(`links: ${links}, ${open} broken\n`);
  process.exitCode = open ? 1 : 0;
}

if (import.meta.main) main(join(import.meta.dirname, '..'), process.argv.includes('--fix'));
