#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still say what is missing.
const [major] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(`coxswain needs Node 24 or newer; this is ${process.versions.node}. Inside the repository, npm scripts bring the right one: npm start\n`);
  process.exit(1);
}
// V8 keeps four threads to collect and compile, however many cores there are. Where the threads of a large fleet's
// cluster fill them all, these take the time of what they help: with one of them 1000 nodes cost an eighth less CPU.
const { availableParallelism } = await import('node:os');
const fleet = /^up\b.* --nodes[ =](\d+)/.exec(process.argv.slice(2).join(' '));
if (Number(fleet?.[1]) > 100 && availableParallelism() <= 2 && process.execve && !process.execArgv.some((flag) => flag.startsWith('--v8-pool-size')))
  process.execve(process.execPath, [process.execPath, '--v8-pool-size=1', ...process.execArgv, ...process.argv.slice(1)], process.env);
// Compiled code is kept beside the packages: a start without it takes twice the time, and 30 MB more in each thread
// for the machinery that strips the types. Threads learn of it by the environment.
const { enableCompileCache } = await import('node:module');
const cache = new URL('../node_modules/.cache/coxswain', import.meta.url).pathname;
enableCompileCache(cache);
process.env.NODE_COMPILE_CACHE ??= cache;
const { main } = await import('../src/cli/main.ts');
await main(process.argv.slice(2));
