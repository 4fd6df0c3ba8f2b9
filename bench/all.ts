/**
 * Runs the benchmarks one after another, each in a process of its own, and
 * prints one table: `node bench/all.ts [names...] [--output json]`.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable, type Figure } from './lib/figure.ts';

const names = ['startup', 'reads', 'writes', 'lists', 'watches', 'density', 'nodes'] as const;

const { values, positionals } = parseArgs({ options: { output: { type: 'string', default: 'text' } }, allowPositionals: true });
const unknown = positionals.filter((name) => !(names as readonly string[]).includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no such benchmark: ${unknown.join(', ')}; there are ${names.join(', ')}\n`);
  process.exit(2);
}

function run(name: string): Promise<Figure[]> {
  const program = join(import.meta.dirname, `${name}.ts`);
  const child = spawn(process.execPath, [program, '--output', 'json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve) => {
    child.once('close', (code) => {
      if (code !== 0) {
        process.stderr.write(`${name}: ended with exit code ${code}\n`);
        process.exitCode = 1;
      }
      resolve(text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Figure));
    });
  });
}

const figures: Figure[] = [];
for (const name of positionals.length > 0 ? positionals : names) {
  process.stderr.write(`${name} ...\n`);
  figures.push(...(await run(name)));
}
process.stdout.write(values.output === 'json' ? `${JSON.stringify(figures, undefined, 2)}\n` : `${formatTable(figures)}\n`);
