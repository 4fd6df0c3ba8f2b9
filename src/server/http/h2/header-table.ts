/** The tables of RFC 7541: what an index in a header block stands for. */

export interface Field {
  readonly name: string;
  readonly value: string;
  /** False where there are characters in it that HTTP forbids: such a request is malformed, but the tables go on. */
  readonly valid: boolean;
}

/** Appendix A, from index 1. */
const staticFields: readonly Field[] = [
  [':authority'],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset'],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language'],
  ['accept-ranges'],
  ['accept'],
  ['access-control-allow-origin'],
  ['age'],
  ['allow'],
  ['authorization'],
  ['cache-control'],
  ['content-disposition'],
  ['content-encoding'],
  ['content-language'],
  ['content-length'],
  ['content-location'],
  ['content-range'],
  ['content-type'],
  ['cookie'],
  ['date'],
  ['etag'],
  ['expect'],
  ['expires'],
  ['from'],
  ['host'],
  ['if-match'],
  ['if-modified-since'],
  ['if-none-match'],
  ['if-range'],
  ['if-unmodified-since'],
  ['last-modified'],
  ['link'],
  ['location'],
  ['max-forwards'],
  ['proxy-authenticate'],
  ['proxy-authorization'],
  ['range'],
  ['referer'],
  ['refresh'],
  ['retry-after'],
  ['server'],
  ['set-cookie'],
  ['strict-transport-security'],
  ['transfer-encoding'],
  ['user-agent'],
  ['vary'],
  ['via'],
  ['www-authenticate'],
].map(([name = '', value = '']) => ({ name, value, valid: true }));

/** The first index that stands for a name. */
const staticIndexes = new Map<string, number>();
for (const [i, { name }] of staticFields.entries()) if (!staticIndexes.has(name)) staticIndexes.set(name, i + 1);

/** 0 for a name that is not there. */
export function staticIndexOf(name: string): number {
  return staticIndexes.get(name) ?? 0;
}

/** The status that has an index of its own; 0 for the others. */
export function staticIndexOfStatus(status: number): number {
  const at = staticFields.findIndex(({ name, value }) => name === ':status' && value === String(status));
  return at + 1;
}

const entryOverhead = 32;

/** As the limits of RFC 7541 and RFC 9113 count. */
export function sizeOf({ name, value }: Field): number {
  return name.length + value.length + entryOverhead;
}

/** Both tables in one row of indexes; the dynamic one forgets its oldest when it is full. */
export class HeaderTable {
  /** The newest is the last; what stands before `#oldest` is forgotten. */
  #entries: (Field | undefined)[] = [];
  #oldest = 0;
  #size = 0;
  #sizeMax: number;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get size(): number {
    return this.#size;
  }

  at(index: number): Field | undefined {
    if (index <= staticFields.length) return staticFields[index - 1];
    const at = this.#entries.length - (index - staticFields.length);
    return at >= this.#oldest ? this.#entries[at] : undefined;
  }

  resize(sizeMax: number): void {
    this.#sizeMax = sizeMax;
    this.#evict(0);
  }

  add(field: Field): void {
    const size = sizeOf(field);
    this.#evict(size);
    // One that is larger than the table empties it, and is no error.
    if (size > this.#sizeMax) return;
    this.#entries.push(field);
    this.#size += size;
  }

  #evict(coming: number): void {
    while (this.#size + coming > this.#sizeMax && this.#oldest < this.#entries.length) {
      this.#size -= sizeOf(this.#entries[this.#oldest] as Field);
      this.#entries[this.#oldest++] = undefined;
    }
    if (this.#oldest > 64 && this.#oldest * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#oldest);
      this.#oldest = 0;
    }
  }
}
