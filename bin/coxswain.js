#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still say what is missing.
const [major] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(`coxswain needs Node 24 or newer; this is ${process.versions.node}. Inside the repository, npm scripts bring the right one: npm start\n`);
  process.exit(1);
}
const { enableCompileCache } = await import('node:module');
enableCompileCache();
const { main } = await import('../src/cli/main.ts');
await main(process.argv.slice(2));
