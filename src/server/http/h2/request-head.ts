/**
 * The fields of a header block as the head of a request: RFC 9113, section 8.
 * One object a connection, used again for each block.
 */
import { isListed } from '../../../base/exchange.ts';
import { sizeOf, type Field } from './header-table.ts';
import type { FieldSink } from './hpack-decoder.ts';

export const headerListBytesMax = 64 * 1024;

/** Fields about a connection, which has its own frames for what they say. */
const ofConnections: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
/** Of these the first counts; of others, all. */
const single: ReadonlySet<string> = new Set(['authorization', 'content-length', 'content-type', 'host', 'user-agent']);

export class RequestHead implements FieldSink {
  method = '';
  scheme = '';
  path = '';
  authority = '';
  headers: Record<string, string> = Object.create(null) as Record<string, string>;
  contentLength: number | undefined;
  /** The request breaks the rules, and gets no answer. */
  malformed = false;
  #bytes = 0;
  #hasRegular = false;

  reset(): void {
    this.method = this.scheme = this.path = this.authority = '';
    this.headers = { __proto__: null } as unknown as Record<string, string>;
    this.contentLength = undefined;
    this.malformed = this.#hasRegular = false;
    this.#bytes = 0;
  }

  /** The list is larger than we have said to accept: the rest of it was dropped. */
  get tooLarge(): boolean {
    return this.#bytes > headerListBytesMax;
  }

  field(field: Field): void {
    this.#bytes += sizeOf(field);
    if (this.tooLarge) return;
    if (!field.valid) this.malformed = true;
    else if (field.name.charCodeAt(0) === 0x3a) this.#pseudo(field);
    else this.#regular(field);
  }

  /** After the last field of a request. */
  finish(): void {
    const isConnect = this.method === 'CONNECT';
    if (this.method === '' || (this.scheme === '') !== isConnect || (this.path === '') !== isConnect) this.malformed = true;
    if (this.authority !== '') this.headers['host'] = this.authority;
  }

  /** After the last field of trailers. */
  finishTrailers(): void {
    if (this.method !== '' || this.scheme !== '' || this.path !== '' || this.authority !== '') this.malformed = true;
  }

  #pseudo({ name, value }: Field): void {
    if (this.#hasRegular) this.malformed = true;
    switch (name) {
      case ':method':
        if (this.method !== '' || value === '') this.malformed = true;
        this.method = value;
        return;
      case ':path':
        if (this.path !== '' || value === '') this.malformed = true;
        this.path = value;
        return;
      case ':scheme':
        if (this.scheme !== '' || value === '') this.malformed = true;
        this.scheme = value;
        return;
      case ':authority':
        if (this.authority !== '') this.malformed = true;
        this.authority = value;
        return;
      default:
        this.malformed = true;
    }
  }

  #regular({ name, value }: Field): void {
    this.#hasRegular = true;
    if (ofConnections.has(name) || (name === 'te' && value !== 'trailers')) this.malformed = true;
    if (name === 'content-length') this.#length(value);
    const before = this.headers[name];
    if (before === undefined) this.headers[name] = value;
    else if (isListed(name)) this.headers[name] = `${before}\n${value}`;
    else if (!single.has(name)) this.headers[name] = name === 'cookie' ? `${before}; ${value}` : `${before}, ${value}`;
  }

  #length(value: string): void {
    const length = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
    if (length === undefined || (this.contentLength !== undefined && this.contentLength !== length)) this.malformed = true;
    this.contentLength = length;
  }
}
