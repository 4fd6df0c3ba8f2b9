/**
 * Domain names. As text they are lower case with dots between labels and none
 * at the end; the root is empty. A dot or a backslash within a label, which only
 * hostile or very odd names have, is written as `\046`, so that no two names on
 * the wire have the same text.
 */
const nameBytesMax = 255;
const labelBytesMax = 63;
/** A name of 255 bytes cannot need more; what jumps oftener goes in circles. */
const jumpsMax = 127;

export interface ReadName {
  readonly text: string;
  /** Where the reader goes on. */
  readonly end: number;
}

/** The name at `offset`; undefined where the bytes are none. Without `pointers` a compressed name is none either. */
export function readName(message: Buffer, offset: number, pointers: boolean): ReadName | undefined {
  let text = '';
  let at = offset;
  let end = -1;
  let length = 1;
  for (let jumps = 0; ; ) {
    const head = message[at];
    if (head === undefined) return undefined;
    if (head === 0) return { text, end: end < 0 ? at + 1 : end };
    if (head >= 0xc0) {
      const next = message[at + 1];
      if (!pointers || next === undefined || ++jumps > jumpsMax) return undefined;
      if (end < 0) end = at + 2;
      at = ((head & 0x3f) << 8) | next;
      continue;
    }
    length += head + 1;
    if (head > labelBytesMax || length > nameBytesMax || at + 1 + head > message.length) return undefined;
    const label = labelText(message, at + 1, head);
    text = text === '' ? label : `${text}.${label}`;
    at += head + 1;
  }
}

/** Where the name at `offset` ends, without reading it; undefined where it runs out of the message. */
export function skipName(message: Buffer, offset: number): number | undefined {
  let at = offset;
  for (;;) {
    const head = message[at];
    if (head === undefined) return undefined;
    if (head === 0) return at + 1;
    if (head >= 0xc0) return at + 2 <= message.length ? at + 2 : undefined;
    if (head > labelBytesMax) return undefined;
    at += head + 1;
  }
}

function labelText(message: Buffer, start: number, length: number): string {
  const label = message.toString('latin1', start, start + length);
  for (let i = 0; i < length; i++) {
    const code = label.charCodeAt(i);
    if ((code >= 65 && code <= 90) || code === 46 || code === 92) return escapeLabel(label);
  }
  return label;
}

function escapeLabel(label: string): string {
  return label.replace(/[A-Z.\\]/g, (character) => (character === '.' ? '\\046' : character === '\\' ? '\\092' : character.toLowerCase()));
}

/** The bytes of a name, uncompressed; undefined for what cannot be one. */
export function encodeName(text: string): Buffer | undefined {
  const labels = text.replace(/\.$/, '').split('.');
  if (labels.length === 1 && labels[0] === '') return Buffer.alloc(1);
  const bytes = Buffer.alloc(text.length + 2);
  let at = 0;
  for (const escaped of labels) {
    const label = escaped.includes('\\') ? escaped.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number(code))) : escaped;
    if (label.length === 0 || label.length > labelBytesMax) return undefined;
    bytes[at] = label.length;
    at += 1 + bytes.write(label, at + 1, 'latin1');
  }
  return at + 1 > nameBytesMax ? undefined : bytes.subarray(0, at + 1);
}

/** Whether `name` is `zone` or below it. */
export function isWithin(name: string, zone: string): boolean {
  if (zone === '' || name === zone) return true;
  return name.endsWith(zone) && name.charCodeAt(name.length - zone.length - 1) === 46;
}

/** `1.0.96.10.in-addr.arpa`: under which an address (see `addressBytes`) is looked up in reverse. */
export function reverseName(address: Buffer): string {
  if (address.length === 4) return `${[...address].toReversed().join('.')}.in-addr.arpa`;
  return `${[...address.toString('hex')].toReversed().join('.')}.ip6.arpa`;
}
