/**
 * What the OpenAPI and protobuf facts do not tell, but every byte depends on:
 * the order of a type's fields, which of them can be absent (pointers) and
 * which are written even when empty. Read from the struct tags of a Kubernetes
 * source tree; only names, numbers and flags are kept, in
 *
 *   src/api/data/wire.json   message -> ["<json name> <number><flags>", ...]
 *
 * Flags: `*` a pointer, `!` written even when empty, `~` an embedded message
 * whose fields JSON flattens, `-` (omitzero) not written even where it is a struct.
 *
 * Run: node tools/derive-wire.ts SOURCE_TREE
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { allMessages } from '../src/api/schema.ts';

const tree = process.argv[2];
if (!tree) throw new Error('usage: node tools/derive-wire.ts SOURCE_TREE');
const staging = join(tree, 'staging', 'src', 'k8s.io');

/** The fields of the structs of a Go source file, by the struct's name. */
function structsOf(source: string): Map<string, string[]> {
  const structs = new Map<string, string[]>();
  for (const [, name = '', body = ''] of source.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    const fields: string[] = [];
    for (const line of body.split('\n')) {
      const match = /^\t(?:\w+\s+)?(\S+)\s+`(.*)`/.exec(line);
      const json = /json:"([^"]*)"/.exec(match?.[2] ?? '')?.[1];
      const proto = /protobuf:"\w+,(\d+)(?:.*?\bname=(\w+))?/.exec(match?.[2] ?? '');
      if (!match || json === undefined || !proto) continue;
      const [jsonName = '', ...options] = json.split(',');
      const inline = options.includes('inline') || jsonName === '';
      const always = !options.includes('omitempty') && !options.includes('omitzero') && !inline;
      const omitsZero = options.includes('omitzero');
      const pointer = match[1]?.startsWith('*');
      fields.push(`${inline ? (proto[2] ?? match[1]) : jsonName} ${proto[1]}${pointer ? '*' : ''}${always ? '!' : ''}${inline ? '~' : ''}${omitsZero ? '-' : ''}`);
    }
    structs.set(name, fields);
  }
  return structs;
}

const wire: Record<string, string[]> = {};
const known = allMessages();
for (const proto of globSync(join(staging, '**', 'generated.proto'))) {
  if (proto.includes('/vendor/')) continue;
  const protoPackage = /^package ([\w.]+);/m.exec(readFileSync(proto, 'utf8'))?.[1] ?? '';
  for (const file of globSync(join(dirname(proto), '*.go'))) {
    if (/generated|_test\.go|zz_/.test(file)) continue;
    for (const [name, fields] of structsOf(readFileSync(file, 'utf8')))
      if (known[`${protoPackage}.${name}`] && fields.length > 0) wire[`${protoPackage}.${name}`] = fields;
  }
}
const sorted = Object.fromEntries(Object.entries(wire).sort(([a], [b]) => (a < b ? -1 : 1)));
const lines = Object.entries(sorted).map(([name, fields]) => `${JSON.stringify(name)}: ${JSON.stringify(fields)}`);
writeFileSync(join(import.meta.dirname, '..', 'src', 'api', 'data', 'wire.json'), `{\n${lines.join(',\n')}\n}\n`);
