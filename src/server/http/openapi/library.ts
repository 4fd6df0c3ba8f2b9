/**
 * The documents of a catalogue: made when first asked for, kept while they are
 * asked for, and known by a fingerprint of what they are made from. A change of
 * the catalogue remakes only the documents that it changes.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Catalogue } from '../../../api/catalogue.ts';
import { allTypes } from '../../../api/schema.ts';
import { version } from '../version.ts';
import { findDescriptions, type Descriptions } from './descriptions.ts';
import { contentOf, jsonDocument, turn } from './document.ts';
import { sourceV2, sourcesV3, type Source } from './outlines.ts';
import { protobufDocument } from './swagger-protobuf.ts';

const compress = promisify(gzip);

/** Raised when documents made from the same sources come out differently: clients keep documents by their hash, for good. */
const form = 1;
const documentsKeptMax = 24;
const typesHashedPerTurn = 64;

export class OpenApiDocument {
  readonly body: Uint8Array;
  #compressed: Promise<Uint8Array> | undefined;

  constructor(body: Uint8Array) {
    this.body = body;
  }

  compressed(): Promise<Uint8Array> {
    return (this.#compressed ??= compress(this.body));
  }
}

/** A document that the catalogue has, made or not. */
export interface Entry {
  readonly source: Source;
  /** SHA-512 in hex, upper case. */
  readonly hash: string;
}

export interface Contents {
  readonly generation: number;
  readonly v3: ReadonlyMap<string, Entry>;
  readonly v2: Entry;
}

export class OpenApiLibrary {
  readonly #catalogue: Catalogue;
  readonly #findDescriptions: () => Promise<Descriptions>;
  #foundation: Promise<{ readonly descriptions: Descriptions; readonly digest: string }> | undefined;
  #contents: Contents | undefined;
  /** In the order of last use, oldest first. */
  readonly #documents = new Map<string, Promise<OpenApiDocument>>();

  constructor(catalogue: Catalogue, find: () => Promise<Descriptions> = findDescriptions) {
    this.#catalogue = catalogue;
    this.#findDescriptions = find;
  }

  /** What there is now. */
  async contents(): Promise<Contents> {
    const { digest } = await (this.#foundation ??= this.#lay());
    const { generation } = this.#catalogue;
    if (this.#contents?.generation === generation) return this.#contents;
    const entry = (key: string, source: Source): Entry => ({ source, hash: hashOf(digest, key, JSON.stringify(source.resources)) });
    const v3 = new Map([...sourcesV3(this.#catalogue)].map(([key, source]) => [key, entry(key, source)]));
    this.#contents = { generation, v3, v2: entry('v2', sourceV2(this.#catalogue)) };
    return this.#contents;
  }

  documentV3(entry: Entry): Promise<OpenApiDocument> {
    return this.#document(`v3 ${entry.hash}`, async (descriptions) => jsonDocument(await contentOf(entry.source, 'v3', descriptions), 'v3'));
  }

  documentV2(entry: Entry, encoding: 'json' | 'protobuf'): Promise<OpenApiDocument> {
    return this.#document(`v2 ${encoding} ${entry.hash}`, async (descriptions) => {
      const content = await contentOf(entry.source, 'v2', descriptions);
      return encoding === 'json' ? jsonDocument(content, 'v2') : protobufDocument(content);
    });
  }

  #document(key: string, make: (descriptions: Descriptions) => Promise<Uint8Array>): Promise<OpenApiDocument> {
    const made = this.#documents.get(key) ?? this.#make(key, make);
    this.#documents.delete(key);
    this.#documents.set(key, made);
    for (const oldest of this.#documents.keys()) {
      if (this.#documents.size <= documentsKeptMax) break;
      this.#documents.delete(oldest);
    }
    return made;
  }

  async #make(key: string, make: (descriptions: Descriptions) => Promise<Uint8Array>): Promise<OpenApiDocument> {
    try {
      const { descriptions } = await (this.#foundation ??= this.#lay());
      return new OpenApiDocument(await make(descriptions));
    } catch (error) {
      this.#documents.delete(key);
      throw error;
    }
  }

  /** What all documents rest on: the table of types and the descriptions. */
  async #lay(): Promise<{ descriptions: Descriptions; digest: string }> {
    const descriptions = await this.#findDescriptions();
    const hash = createHash('sha512').update(`${form} ${version.gitVersion} ${descriptions.edition}`);
    let waiting = 0;
    for (const entry of Object.entries(allTypes())) {
      hash.update(JSON.stringify(entry));
      if (++waiting % typesHashedPerTurn === 0) await turn();
    }
    return { descriptions, digest: hash.digest('hex') };
  }
}

function hashOf(...parts: readonly string[]): string {
  return createHash('sha512').update(parts.join('\n')).digest('hex').toUpperCase();
}
