/**
 * Who may import whom. One table; each line is a room and what it may use
 * beside itself. Run by `npm test`; exits 1 with the imports that break it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

interface Room {
  readonly may: readonly string[];
  /** Why no more than that. */
  readonly reason: string;
}

const rooms: Readonly<Record<string, Room>> = {
  base: { may: [], reason: 'base knows nothing of Kubernetes, and does no I/O' },
  api: { may: ['base'], reason: 'what the API is must not depend on how it is served, stored or used' },
  codec: { may: ['base', 'api'], reason: 'a codec turns bytes into objects; it knows neither server nor client' },
  storage: { may: ['base'], reason: 'a store keeps bytes under keys; it must not know what they mean' },
  server: { may: ['base', 'api', 'codec', 'storage'], reason: 'the server wing meets the others only through the API' },
  client: { may: ['base', 'api', 'codec'], reason: 'a client works against any API server, upstream’s included' },
  scheduler: { may: ['base', 'api', 'client'], reason: 'the scheduler is a client like any other' },
  controllers: { may: ['base', 'api', 'client'], reason: 'controllers are clients like any other' },
  node: { may: ['base', 'api', 'client'], reason: 'a node is a client like any other' },
  dashboard: { may: ['base', 'api', 'client'], reason: 'runs in a browser' },
  cluster: {
    may: ['base', 'api', 'codec', 'storage', 'server', 'client', 'scheduler', 'controllers', 'node'],
    reason: 'the composition roots: the only place that knows which parts make a process',
  },
  bench: {
    may: ['base', 'api', 'client', 'cluster'],
    reason: 'benchmarks are clients of any Kubernetes, upstream’s included; what they start they start as processes; of cluster they use the PKI, to give upstream’s executables their certificates',
  },
  demo: { may: ['base', 'api', 'client', 'node'], reason: 'the demo is a client of any cluster; the one of its own it starts as a process, with an image made as node makes archives' },
  cli: { may: ['base', 'api', 'client', 'cluster', 'bench'], reason: 'the command starts clusters and talks to them; `coxswain bench` loads the benchmarks when it is asked for' },
};

/** The facts about one file: which rooms it imports from. */
const importLine = /(?:^|\n)\s*(?:import|export)\b[^'"\n]*?(?:\bfrom\s*)?['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)|new URL\(\s*['"](\.[^'"]+\.ts)['"]/g;
const multiLineImport = /(?:^|\n)\s*(?:import|export)\b[^'";]*?\bfrom\s*['"](\.[^'"]+)['"]/g;
/** Types leave no trace at run time: they cannot make a circle. */
const typeImport = /(?:^|\n)\s*(?:import|export)\s+type\b[^'";]*?\bfrom\s*['"](\.[^'"]+)['"]/g;

const root = join(import.meta.dirname, '..');
/** Rooms are the folders of src/, and bench/ and demo/ beside it. */
const roomOf = (file: string) => {
  const [first = '', second = ''] = relative(root, file).split(/[\\/]/);
  return first === 'src' ? second : first;
};
const broken: string[] = [];
const edges = new Map<string, Set<string>>();

for (const entry of ['src', 'bench', 'demo'].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))) {
  if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
  const file = join(entry.parentPath, entry.name);
  const isTest = /\.(test|bench)\.ts$/.test(entry.name) || file.includes('/conformance/');
  const text = readFileSync(file, 'utf8');
  const room = roomOf(file);
  const targets = new Set<string>();
  for (const pattern of [importLine, multiLineImport])
    for (const match of text.matchAll(pattern)) {
      const target = match[1] ?? match[2] ?? match[3];
      if (target) targets.add(resolve(dirname(file), target));
    }
  const onlyTypes = new Set([...text.matchAll(typeImport)].map((match) => resolve(dirname(file), match[1] as string)));
  const uses = new Set<string>();
  for (const target of targets) {
    if (!onlyTypes.has(target)) uses.add(target);
    const other = roomOf(target);
    if (other === room || isTest) continue;
    if (!rooms[room]) broken.push(`${relative(root, file)}: "${room}" is no room of the house (see tools/layers.ts)`);
    else if (!rooms[room].may.includes(other))
      broken.push(`${relative(root, file)} imports ${relative(root, target)}: ${room} may not use ${other}: ${rooms[room].reason}`);
  }
  if (!isTest) edges.set(file, uses);
}

/** Files that import each other in a circle, found by depth-first search. */
function circle(): string[] | undefined {
  const state = new Map<string, 'open' | 'done'>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (state.get(file) === 'done') return undefined;
    if (state.get(file) === 'open') return [...path.slice(path.indexOf(file)), file];
    state.set(file, 'open');
    path.push(file);
    for (const next of edges.get(file) ?? []) {
      const found = visit(next);
      if (found) return found;
    }
    path.pop();
    state.set(file, 'done');
    return undefined;
  };
  for (const file of edges.keys()) {
    const found = visit(file);
    if (found) return found;
  }
  return undefined;
}

if (process.argv.includes('--circles')) {
  const found = circle();
  if (found) broken.push(`imports in a circle: ${found.map((file) => relative(root, file)).join(' -> ')}`);
}
for (const line of broken) process.stderr.write(`${line}\n`);
process.stdout.write(`layers: ${edges.size} files, ${broken.length} broken rules\n`);
process.exitCode = broken.length ? 1 : 0;
