/**
 * resource.Quantity: an exact decimal with a suffix (`500m`, `1Gi`, `12e6`).
 * Kept as value x 10^scale, so no arithmetic loses digits. The grammar, the
 * canonical form and the rounding (always away from zero) are upstream's
 * (apimachinery api/resource). Parsed values are frozen and shared.
 */

export type QuantityFormat = 'DecimalExponent' | 'BinarySI' | 'DecimalSI';

export interface Quantity {
  readonly value: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
}

/** What is wrong with the text, in the words clients see. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongNumber = 'unable to parse numeric part of quantity';
const wrongSuffix = "unable to parse quantity's suffix";

const grammar = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;
const nano = -9;
const int64Max = 2n ** 63n - 1n;
/** Digits an int64 surely holds: upstream's fast path, which decides whether a text is kept as written. */
const int64Digits = 18;
/** Far beyond any real amount; these bound the work of arithmetic on hostile texts. */
const exponentMax = 400;
const textLengthMax = 400;

const decimalSuffixes: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binarySuffixes: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const decimalSuffixOf = new Map(Object.entries(decimalSuffixes).map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixOf = ['', ...Object.keys(binarySuffixes)];

interface Parsed {
  readonly quantity: Quantity;
  /** The text that upstream shows for it: as written where it already looks canonical. */
  readonly canonical: string;
}

/** Few distinct quantities exist in a cluster, and each is read again and again. */
const parsedTexts = new Map<string, Parsed>();
const parsedTextsMax = 4096;

/** Throws QuantityError. */
export function parseQuantity(text: string): Quantity {
  return parse(text).quantity;
}

/** The text of the same amount as upstream would answer it: `1000m` -> `1`, `0.5` -> `500m`. Throws QuantityError. */
export function canonicalQuantity(text: string): string {
  return parse(text).canonical;
}

export function isQuantity(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}

function parse(text: string): Parsed {
  const known = parsedTexts.get(text);
  if (known) return known;
  const parsed = parseText(text);
  if (text.length > 32) return parsed;
  if (parsedTexts.size >= parsedTextsMax) parsedTexts.clear();
  parsedTexts.set(text, parsed);
  return parsed;
}

function parseText(text: string): Parsed {
  const match = text === '' ? null : grammar.exec(text);
  if (!match) throw new QuantityError(wrongFormat);
  if (text.length > textLengthMax) throw new QuantityError(wrongNumber);
  const [, sign, whole = '', fraction = '', suffix = ''] = match;
  const { format, exponent } = interpretSuffix(suffix);
  const digits = (whole || '0') + fraction;
  const signed = (value: bigint) => (sign === '-' ? -value : value);
  const short = int64Digits - digits.length >= 0;
  if (format === 'BinarySI') {
    const precision = 15 - (whole.length || 1) - Math.trunc((exponent * 3) / 10) - 1;
    if (fraction === '' && precision >= 0) {
      const written = BigInt(digits);
      const value = written << BigInt(exponent);
      if (value <= int64Max) return made({ value: signed(value), scale: 0, format }, (written & 7n) !== 0n, text);
    }
    return made(roundToNano(signed(BigInt(digits) << BigInt(exponent)), -fraction.length, format), false, text);
  }
  const scale = exponent - fraction.length;
  if (short && scale >= nano) {
    const asWritten = scale % 3 === 0 && !digits.endsWith('000') && digits[0] !== '0';
    return made({ value: signed(BigInt(digits)), scale, format }, asWritten, text);
  }
  if (!/[0-9]/.test(text.slice(0, text.length - suffix.length))) throw new QuantityError(wrongNumber);
  return made(roundToNano(signed(BigInt(digits)), scale, format), false, text);
}

function made(quantity: Quantity, asWritten: boolean, text: string): Parsed {
  return { quantity: Object.freeze(quantity), canonical: asWritten ? text : formatQuantity(quantity) };
}

function interpretSuffix(suffix: string): { format: QuantityFormat; exponent: number } {
  if (Object.hasOwn(decimalSuffixes, suffix)) return { format: 'DecimalSI', exponent: decimalSuffixes[suffix] as number };
  if (Object.hasOwn(binarySuffixes, suffix)) return { format: 'BinarySI', exponent: binarySuffixes[suffix] as number };
  const exponent = /^[eE]([+-]?[0-9]+)$/.exec(suffix);
  if (exponent && Math.abs(Number(exponent[1])) <= exponentMax) return { format: 'DecimalExponent', exponent: Number(exponent[1]) };
  throw new QuantityError(wrongSuffix);
}

/** The slow path: nothing finer than a nano is kept, and binary amounts stop at the largest int64. */
function roundToNano(value: bigint, scale: number, format: QuantityFormat): Quantity {
  const negative = value < 0n;
  let magnitude = negative ? -value : value;
  if (scale < nano) {
    magnitude = divideUp(magnitude, 10n ** BigInt(nano - scale));
    scale = nano;
  }
  if (format === 'BinarySI') {
    if (magnitude > int64Max * 10n ** BigInt(-scale)) {
      magnitude = int64Max;
      scale = 0;
    }
    if (magnitude > 0n && magnitude < 10n ** BigInt(-scale)) format = 'DecimalSI';
  }
  return { value: negative ? -magnitude : magnitude, scale, format };
}

/** Of magnitudes: rounds away from zero once the sign is put back. */
function divideUp(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return quotient * by === value ? quotient : quotient + 1n;
}

export function formatQuantity(quantity: Quantity): string {
  const { value, scale } = quantity;
  if (value === 0n) return '0';
  if (quantity.format === 'BinarySI') {
    const exact = atScale(quantity, 0);
    const isWhole = scale >= 0 || exact * 10n ** BigInt(-scale) === value;
    if (isWhole && (exact <= -1024n || exact >= 1024n)) {
      let amount = exact;
      let power = 0;
      while (amount % 1024n === 0n && power < binarySuffixOf.length - 1) {
        amount /= 1024n;
        power++;
      }
      return `${amount}${binarySuffixOf[power]}`;
    }
  }
  let amount = value;
  let exponent = scale;
  while (amount % 10n === 0n) {
    amount /= 10n;
    exponent++;
  }
  while (exponent % 3 !== 0) {
    amount *= 10n;
    exponent--;
  }
  if (quantity.format === 'DecimalExponent') return exponent === 0 ? `${amount}` : `${amount}e${exponent}`;
  while (exponent > 18) {
    amount *= 1000n;
    exponent -= 3;
  }
  return `${amount}${decimalSuffixOf.get(exponent) ?? ''}`;
}

/** The amount in units of 10^scale, rounded away from zero. */
function atScale({ value, scale }: Quantity, wanted: number): bigint {
  if (scale >= wanted) return value * 10n ** BigInt(scale - wanted);
  const divisor = 10n ** BigInt(wanted - scale);
  return value < 0n ? -divideUp(-value, divisor) : divideUp(value, divisor);
}

/** Less than zero, zero or more than zero, as a sort wants it. */
export function compareQuantity(a: Quantity, b: Quantity): number {
  const scale = Math.min(a.scale, b.scale);
  const left = atScale(a, scale);
  const right = atScale(b, scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** In the format of `a`, or of `b` where `a` is zero. */
export function addQuantity(a: Quantity, b: Quantity): Quantity {
  const scale = Math.min(a.scale, b.scale);
  return { value: atScale(a, scale) + atScale(b, scale), scale, format: a.value === 0n ? b.format : a.format };
}

export function subQuantity(a: Quantity, b: Quantity): Quantity {
  return addQuantity(a, { ...b, value: -b.value });
}

/** Nothing finer than 10^scale is kept (-3: milli). */
export function roundUpQuantity(quantity: Quantity, scale: number): Quantity {
  return quantity.scale >= scale ? quantity : { value: atScale(quantity, scale), scale, format: quantity.format };
}

export function quantityOf(value: number, format: QuantityFormat): Quantity {
  return { value: BigInt(value), scale: 0, format };
}

/** In whole units, rounded away from zero. Exact up to 2^53. */
export function valueOf(text: string): number {
  return Number(atScale(parseQuantity(text), 0));
}

/** In thousandths, rounded away from zero. Exact up to 2^53. */
export function milliValue(text: string): number {
  return Number(atScale(parseQuantity(text), -3));
}
