/** Runs the benchmarks that are named, or all of them, one after the other: node bench/all.ts [--output json] [names] */
import { print, type Figure } from './lib/report.ts';

const benches: Readonly<Record<string, () => Promise<{ run(): Promise<Figure[]> }>>> = {
  startup: () => import('./startup.ts'),
  writes: () => import('./writes.ts'),
  reads: () => import('./reads.ts'),
  lists: () => import('./lists.ts'),
  watches: () => import('./watches.ts'),
  density: () => import('./density.ts'),
};

const args = process.argv.slice(2);
const json = args.includes('json');
const names = args.filter((arg) => benches[arg]);
for (const name of names.length ? names : Object.keys(benches)) {
  process.stderr.write(`${name} ...\n`);
  const bench = await benches[name]?.();
  if (bench) print(await bench.run(), json);
}
process.exit(0);
