/** GET /logs/{path}: the node's log files, and lists of them as upstream's file server writes them. */
import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { NodeError } from './served-node.ts';

export async function sendLogFile(directory: string | undefined, path: string, segments: readonly string[], response: ServerResponse): Promise<void> {
  if (directory === undefined) throw new NodeError(404, '404 page not found\n');
  const file = await within(directory, segments);
  const { isDirectory, size } = await stat(file).then((found) => ({ isDirectory: found.isDirectory(), size: found.size }));
  if (isDirectory !== path.endsWith('/')) {
    const name = path.replace(/\/+$/, '').split('/').at(-1);
    response.writeHead(301, { location: isDirectory ? `${name}/` : `../${name}` }).end();
    return;
  }
  if (isDirectory) {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(await listing(file));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': size });
  // A log that grows meanwhile is told as far as it was.
  if (size > 0) await pipeline(createReadStream(file, { end: size - 1 }), response);
  else response.end();
}

/** Links within the directory are followed, none leads out of it. */
async function within(directory: string, segments: readonly string[]): Promise<string> {
  const nothing = new NodeError(404, '404 page not found\n');
  if (segments.some((segment) => segment === '..' || segment.includes('\0'))) throw nothing;
  try {
    const root = await realpath(directory);
    const found = await realpath(join(root, ...segments));
    if (found === root || found.startsWith(`${root}${sep}`)) return found;
  } catch {
    // As if it were not there.
  }
  throw nothing;
}

async function listing(directory: string): Promise<string> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.map((entry) => `${entry.name}${entry.isDirectory() ? '/' : ''}`).sort();
  const lines = names.map((name) => `<a href="${encodeURI(name)}">${name.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</a>\n`);
  return `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('')}</pre>\n`;
}
