/**
 * Keeps the links of the documents true. A link to a line carries a fragment of
 * that line as its title: [text](src/file.ts#L12 "fragment"). The check fails
 * where the file is gone or the fragment is not on the line; `--fix` moves line
 * numbers to where the fragments are now.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const link = /\]\(([^)\s#]+)(?:#L(\d+))?(?: "([^"]+)")?\)/g;

export function documents(): string[] {
  const docs = existsSync(join(root, 'docs')) ? readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => join(root, 'docs', name)) : [];
  return [...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'].map((name) => join(root, name)), ...docs].filter((file) => existsSync(file));
}

/** What is wrong with the links of a document; and its text with the line numbers put right. */
export function checkLinks(document: string): { readonly problems: string[]; readonly fixed: string } {
  const problems: string[] = [];
  const where = relative(root, document);
  const fixed = readFileSync(document, 'utf8').replace(link, (whole, path: string, line: string | undefined, fragment: string | undefined) => {
    if (/^[a-z]+:/.test(path)) return whole;
    const target = join(dirname(document), path);
    if (!existsSync(target)) {
      problems.push(`${where}: ${path} does not exist`);
      return whole;
    }
    if (fragment === undefined) return whole;
    const lines = readFileSync(target, 'utf8').split('\n');
    if (line !== undefined && lines[Number(line) - 1]?.includes(fragment)) return whole;
    const at = lines.findIndex((text) => text.includes(fragment));
    problems.push(at < 0 ? `${where}: "${fragment}" is not in ${path}` : `${where}: "${fragment}" is on line ${at + 1} of ${path}, not ${line ?? 'given'}`);
    return at < 0 ? whole : `](${path}#L${at + 1} "${fragment}")`;
  });
  return { problems, fixed };
}

if (import.meta.main) {
  const fix = process.argv.includes('--fix');
  for (const document of documents()) {
    const { problems, fixed } = checkLinks(document);
    if (fix) writeFileSync(document, fixed);
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    if (problems.length && !fix) process.exitCode = 1;
  }
}
