/**
 * A whole document as bytes. Made in slices: after every 32 KiB of text the
 * loop has its turn, so that a document of two megabytes holds nobody up.
 */
import { encodeUtf8 } from '../../../base/bytes.ts';
import { version } from '../version.ts';
import type { Descriptions } from './descriptions.ts';
import type { Source } from './outlines.ts';
import { renderPath } from './render.ts';
import { schemaOf, type Dialect, type Json } from './schemas.ts';

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const sliceChars = 32 * 1024;

export const info: Json = { title: 'Kubernetes', version: `${version.major}.${version.minor}` };
export const bearerToken: Json = { BearerToken: { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' } };

/** The two long lists of a document, each made one entry at a time. */
export interface Content {
  paths(): Iterable<readonly [string, Json]>;
  schemas(): Iterable<readonly [string, Json]>;
}

export async function contentOf(source: Source, dialect: Dialect, descriptions: Descriptions): Promise<Content> {
  const { items, types, shows } = source.outline();
  await turn();
  const described = await descriptions.load(types);
  return {
    *paths() {
      for (const item of items) yield [item.path, renderPath(item, dialect)];
    },
    *schemas() {
      for (const type of types) yield [type, schemaOf(type, { dialect, description: described.get(type), shows })];
    },
  };
}

/** Text in, bytes out; `cut` whenever a slice is full. */
class SlicedText {
  readonly #chunks: Uint8Array[] = [];
  #text = '';

  add(text: string): void {
    this.#text += text;
  }

  get full(): boolean {
    return this.#text.length >= sliceChars;
  }

  cut(): void {
    this.#chunks.push(encodeUtf8(this.#text));
    this.#text = '';
  }

  bytes(): Uint8Array {
    this.cut();
    return Buffer.concat(this.#chunks);
  }
}

async function addObject(out: SlicedText, entries: Iterable<readonly [string, Json]>): Promise<void> {
  let separator = '{';
  for (const [key, value] of entries) {
    out.add(`${separator}${JSON.stringify(key)}:${JSON.stringify(value)}`);
    separator = ',';
    if (!out.full) continue;
    out.cut();
    await turn();
  }
  out.add(separator === '{' ? '{}' : '}');
}

export async function jsonDocument(content: Content, dialect: Dialect): Promise<Uint8Array> {
  const out = new SlicedText();
  const isV3 = dialect === 'v3';
  out.add(`{${isV3 ? '"openapi":"3.0.0"' : '"swagger":"2.0"'},"info":${JSON.stringify(info)},"paths":`);
  await addObject(out, content.paths());
  out.add(isV3 ? ',"components":{"schemas":' : ',"definitions":');
  await addObject(out, content.schemas());
  const security = JSON.stringify(bearerToken);
  out.add(isV3 ? `,"securitySchemes":${security}}}` : `,"securityDefinitions":${security},"security":[{"BearerToken":[]}]}`);
  return out.bytes();
}
