#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still say what is missing.
const [major] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(`coxswain needs Node 24 or newer; this is ${process.versions.node}. Inside the repository, npm scripts bring the right one: npm start\n`);
  process.exit(1);
}
// Compiled code is kept beside the packages: a start without it takes twice the time, and 30 MB more in each thread
// for the machinery that strips the types. Threads learn of it by the environment.
const { enableCompileCache } = await import('node:module');
const cache = new URL('../node_modules/.cache/coxswain', import.meta.url).pathname;
enableCompileCache(cache);
process.env.NODE_COMPILE_CACHE ??= cache;
const { main } = await import('../src/cli/main.ts');
await main(process.argv.slice(2));
