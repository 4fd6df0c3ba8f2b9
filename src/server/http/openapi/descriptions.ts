/**
 * What the fields of the API mean, for `kubectl explain`. The sentences are not
 * part of this project: the declarations of @kubernetes/client-node carry them
 * as comments, and are read when a document is made. Without that package the
 * documents have no descriptions.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface TypeDescription {
  readonly text: string | undefined;
  field(name: string): string | undefined;
}

export interface Descriptions {
  /** Changes when the descriptions may have: part of what documents are known by. */
  readonly edition: string;
  /** Descriptions of the given types, as far as there are any. */
  load(typeNames: readonly string[]): Promise<ReadonlyMap<string, TypeDescription>>;
}

export const noDescriptions: Descriptions = { edition: 'none', load: async () => new Map() };

/** Files parsed between two turns of the loop. */
const filesPerTurn = 8;

/** Finds the package from here. */
export async function findDescriptions(): Promise<Descriptions> {
  try {
    const manifest = createRequire(import.meta.url).resolve('@kubernetes/client-node/package.json');
    const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
    return await descriptionsIn(join(dirname(manifest), 'dist/gen/models'), version);
  } catch {
    return noDescriptions;
  }
}

export async function descriptionsIn(folder: string, edition: string): Promise<Descriptions> {
  const files = new Set((await readdir(folder)).filter((name) => name.endsWith('.d.ts')));
  return {
    edition,
    async load(typeNames) {
      const loaded = new Map<string, TypeDescription>();
      const known = typeNames.flatMap((type) => {
        const file = classNamesOf(type).map((name) => `${name}.d.ts`).find((name) => files.has(name));
        return file === undefined ? [] : [{ type, file }];
      });
      for (let at = 0; at < known.length; at += filesPerTurn) {
        const slice = known.slice(at, at + filesPerTurn);
        const texts = await Promise.all(slice.map(({ file }) => readFile(join(folder, file), 'utf8')));
        slice.forEach(({ type }, i) => loaded.set(type, parseDeclaration(texts[i] as string)));
      }
      return loaded;
    },
  };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * What the generated class of a type may be called, most specific first: kinds
 * of the same name in two groups have the group in front, as CoreV1Event.
 */
export function classNamesOf(typeName: string): string[] {
  const [kind = '', version = '', group = ''] = typeName.split('.').reverse();
  const plain = upperFirst(version) + kind;
  return [upperFirst(group) + plain, plain];
}

/** `_continue` is `continue`, `xKubernetesListType` is `x-kubernetes-list-type`. */
function foldName(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, '').toLowerCase();
}

function unescape(comment: string): string {
  return comment.replace(/\\(['"])/g, '$1').replaceAll('*_/', '*/').trim();
}

const classComment = /\/\*\*\n\* ?([^\n]*)\n\*\/\nexport declare class /;
const propertyComment = /\/\*\*\n\s*\* ?([^\n]*)\n\s*\*\/\n\s*'([^'\n]+)'\??:/g;

export function parseDeclaration(source: string): TypeDescription {
  const text = classComment.exec(source)?.[1];
  const fields = new Map<string, string>();
  for (const [, comment = '', name = ''] of source.matchAll(propertyComment)) fields.set(foldName(name), unescape(comment));
  return {
    text: text === undefined ? undefined : unescape(text),
    field: (name) => fields.get(foldName(name)),
  };
}
