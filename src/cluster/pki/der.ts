/**
 * Just enough DER (X.690) to write certificates and to read certificates and
 * certificate requests. A library would cost more at start than all the keys
 * and certificates of a new cluster.
 */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of a context-specific field: constructed where it wraps other values. */
export function contextTag(number: number, constructed: boolean): number {
  return (constructed ? 0xa0 : 0x80) | number;
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export function encode(tagByte: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tagByte]), encodeLength(length), ...parts]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return encode(tag.sequence, ...parts);
}

/** Members must already be in the order of their encodings where there are several. */
export function setOf(...parts: readonly Uint8Array[]): Buffer {
  return encode(tag.set, ...parts);
}

/** `magnitude` is big-endian and not negative. */
export function integer(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const digits = magnitude.subarray(start);
  return (digits[0] ?? 0) & 0x80
    ? encode(tag.integer, Buffer.from([0]), digits)
    : encode(tag.integer, digits);
}

export function boolean(value: boolean): Buffer {
  return encode(tag.boolean, Buffer.from([value ? 0xff : 0]));
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return encode(tag.bitString, Buffer.from([unusedBits]), bytes);
}

export function octetString(bytes: Uint8Array): Buffer {
  return encode(tag.octetString, bytes);
}

export function utf8String(text: string): Buffer {
  return encode(tag.utf8String, Buffer.from(text, 'utf8'));
}

export function objectIdentifier(dotted: string): Buffer {
  const arcs = dotted.split('.').map(Number);
  const bytes = [(arcs[0] ?? 0) * 40 + (arcs[1] ?? 0)];
  for (const arc of arcs.slice(2)) {
    const groups = [arc & 0x7f];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128))
      groups.unshift((rest & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return encode(tag.objectIdentifier, Buffer.from(bytes));
}

/** Second precision; UTCTime until 2049 and GeneralizedTime after, as RFC 5280 has it. */
export function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().slice(0, 19).replace(/[-T:]/g, '');
  return Number(digits.slice(0, 4)) < 2050
    ? encode(tag.utcTime, Buffer.from(`${digits.slice(2)}Z`, 'latin1'))
    : encode(tag.generalizedTime, Buffer.from(`${digits}Z`, 'latin1'));
}

export class DerError extends Error {
  override readonly name = 'DerError';
}

/** One encoded value: `bytes` with its tag and length, `content` without. */
export interface DerValue {
  readonly tag: number;
  readonly bytes: Buffer;
  readonly content: Buffer;
}

/** The first value of `data`, which may be followed by others. Throws DerError. */
export function decodeFirst(data: Buffer): DerValue {
  const tagByte = data[0];
  const first = data[1];
  if (tagByte === undefined || first === undefined) throw new DerError('truncated value');
  let start = 2;
  let length = first;
  if (first >= 0x80) {
    const digits = first & 0x7f;
    if (digits === 0 || digits > 4 || data.length < 2 + digits) throw new DerError('bad length');
    length = data.readUIntBE(2, digits);
    start += digits;
  }
  if (data.length < start + length) throw new DerError('truncated value');
  return {
    tag: tagByte,
    bytes: data.subarray(0, start + length),
    content: data.subarray(start, start + length),
  };
}

/** The values that `content` holds one after the other. Throws DerError. */
export function decodeAll(content: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let rest = content; rest.length > 0;) {
    const value = decodeFirst(rest);
    values.push(value);
    rest = rest.subarray(value.bytes.length);
  }
  return values;
}

/** The members of a value that must have the tag. Throws DerError. */
export function membersOf(value: DerValue | undefined, tagByte: number): DerValue[] {
  return decodeAll(expectTag(value, tagByte).content);
}

export function expectTag(value: DerValue | undefined, tagByte: number): DerValue {
  if (value?.tag !== tagByte)
    throw new DerError(
      `expected tag 0x${tagByte.toString(16)}, found ${value ? `0x${value.tag.toString(16)}` : 'nothing'}`,
    );
  return value;
}

export function readObjectIdentifier(value: DerValue | undefined): string {
  const { content } = expectTag(value, tag.objectIdentifier);
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (arcs.length > 0) arcs.push(arc);
    else arcs.push(Math.min(2, Math.floor(arc / 40)), arc - Math.min(2, Math.floor(arc / 40)) * 40);
    arc = 0;
  }
  return arcs.join('.');
}

/** The bytes of a PEM block with that label. Throws DerError. */
export function readPem(text: string, label: string): Buffer {
  const match = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(text);
  if (!match?.[1]) throw new DerError(`no PEM block of type ${label}`);
  return Buffer.from(match[1].replace(/\s+/g, ''), 'base64');
}

export function writePem(bytes: Uint8Array, label: string): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
