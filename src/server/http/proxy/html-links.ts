/** Rewrites the links of a page while it passes: no more of it is held than one tag. */
import { pipeline, Readable, type Transform } from 'node:stream';
import { createDeflateRaw, createGunzip, createGzip, createInflateRaw } from 'node:zlib';

/** Which attributes of which tags are links. */
const linked: Readonly<Record<string, readonly string[]>> = {
  a: ['href'], applet: ['codebase'], area: ['href'], audio: ['src'], base: ['href'], blockquote: ['cite'], body: ['background'],
  button: ['formaction'], command: ['icon'], del: ['cite'], embed: ['src'], form: ['action'], frame: ['longdesc', 'src'],
  head: ['profile'], html: ['manifest'], iframe: ['longdesc', 'src'], img: ['longdesc', 'src', 'usemap'], input: ['src', 'usemap', 'formaction'],
  ins: ['cite'], link: ['href'], object: ['classid', 'codebase', 'data', 'usemap'], q: ['cite'], script: ['src'], source: ['src'], video: ['poster', 'src'],
};
/** What stands in them is no markup. */
const rawText = new Set(['script', 'style', 'textarea', 'title', 'iframe', 'noembed', 'noframes', 'xmp']);
/** What claims to be a longer tag passes as it is. */
const tagBytesMax = 64 * 1024;
const attribute = /([^\s"'<>/=]+)(\s*=\s*)(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+))/g;

const codings: Readonly<Record<string, readonly [decode: () => Transform, encode: () => Transform]>> = { gzip: [createGunzip, createGzip], deflate: [createInflateRaw, createDeflateRaw] };

/** Undefined where the page is encoded in a way that is not known here. */
export function withRewrittenLinks(page: AsyncIterable<Uint8Array>, encoding: string, rewrite: (link: string) => string): AsyncIterable<Uint8Array> | undefined {
  if (encoding === '') return rewrittenParts(page, rewrite);
  const coding = codings[encoding];
  if (!coding) return undefined;
  const [decode, encode] = coding;
  // An error of one ends all of them, and the reader of the last hears of it.
  return pipeline(Readable.from(page), decode(), (parts: AsyncIterable<Uint8Array>) => rewrittenParts(parts, rewrite), encode(), () => {});
}

async function* rewrittenParts(page: AsyncIterable<Uint8Array>, rewrite: (link: string) => string): AsyncGenerator<Uint8Array> {
  const rewriter = new TagRewriter(rewrite);
  // One character a byte: whatever the page is written in passes unchanged.
  for await (const part of page) yield Buffer.from(rewriter.push(Buffer.from(part).toString('latin1')), 'latin1');
  yield Buffer.from(rewriter.rest(), 'latin1');
}

class TagRewriter {
  readonly #rewrite: (link: string) => string;
  #held = '';
  /** The tag that ends what is no markup. */
  #until: string | undefined;

  constructor(rewrite: (link: string) => string) {
    this.#rewrite = rewrite;
  }

  rest(): string {
    return this.#held;
  }

  /** Gives back what is decided. */
  push(text: string): string {
    const all = this.#held + text;
    let out = '';
    let at = 0;
    for (;;) {
      const start = this.#nextMarkup(all, at);
      out += all.slice(at, start);
      at = start;
      const end = start < all.length ? this.#endOfMarkup(all, start) : -1;
      if (end < 0) break;
      out += this.#markup(all.slice(start, end));
      at = end;
    }
    this.#held = all.slice(at);
    if (this.#held.length <= tagBytesMax) return out;
    out += this.#held;
    this.#held = '';
    return out;
  }

  #nextMarkup(all: string, from: number): number {
    if (this.#until === undefined) {
      // At the very end it is not known yet what follows.
      const found = all.slice(from).search(/<(?:[a-z/!?]|$)/i);
      return found < 0 ? all.length : from + found;
    }
    const end = all.toLowerCase().indexOf(this.#until, from);
    if (end >= 0) return end;
    const tail = all.lastIndexOf('<');
    return tail >= from && all.length - tail < this.#until.length ? tail : all.length;
  }

  #endOfMarkup(all: string, start: number): number {
    if (all.startsWith('<!--', start)) {
      const end = all.indexOf('-->', start + 4);
      return end < 0 ? -1 : end + 3;
    }
    let quote = '';
    for (let at = start + 1; at < all.length; at++) {
      const character = all[at] as string;
      if (quote !== '') {
        if (character === quote) quote = '';
      } else if (character === '"' || character === "'") quote = character;
      else if (character === '>') return at + 1;
    }
    return -1;
  }

  #markup(tag: string): string {
    this.#until = undefined;
    const name = /^<([a-z][a-z0-9]*)/i.exec(tag)?.[1]?.toLowerCase();
    if (name === undefined) return tag;
    if (rawText.has(name) && !tag.endsWith('/>')) this.#until = `</${name}`;
    const links = linked[name];
    if (!links) return tag;
    return tag.replace(attribute, (whole: string, key: string, equals: string, double?: string, single?: string, bare?: string) => {
      if (!links.includes(key.toLowerCase())) return whole;
      const link = double ?? single ?? bare ?? '';
      const rewritten = this.#rewrite(link.replaceAll('&amp;', '&'));
      return rewritten === link.replaceAll('&amp;', '&') ? whole : `${key}${equals}"${rewritten.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`;
    });
  }
}
