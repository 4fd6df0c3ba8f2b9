/**
 * A slow, careful reader of JSON text for the rare times V8's does not say
 * enough: what exactly is wrong (in Go's words), how deep it nests, and which
 * fields stand twice. Never recursive.
 */
import { ApiError } from '../api/errors.ts';

/** A body that is not JSON: 400, with Go's words as the message. */
export class JsonSyntaxError extends ApiError {
  constructor(message: string) {
    super({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: 'BadRequest', code: 400 });
  }
}

/** Go's limit. */
export const depthMax = 10_000;

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Whether arrays and objects nest deeper than `depthMax`. */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at);
    } else if (code === openBrace || code === openBracket) {
      if (++depth > depthMax) return true;
    } else if (code === closeBrace || code === closeBracket) depth--;
  }
  return false;
}

/** The index of the closing quote of the string that opens at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0) {
    let escapes = 0;
    for (let before = end - 1; text.charCodeAt(before) === backslash; before--) escapes++;
    if (escapes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

const unexpectedEnd = 'unexpected end of JSON input';

/** What Go's scanner would say of text that does not parse. */
export function explainJsonError(bytes: Uint8Array): string {
  const scanner = new Scanner(bytes);
  try {
    scanner.document();
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error.message;
    throw error;
  }
  return 'invalid JSON';
}

class Scanner {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  document(): void {
    const open: number[] = [];
    let needsValue = true;
    for (;;) {
      this.#space();
      if (needsValue) {
        const code = this.#peek();
        if (code === openBrace || code === openBracket) {
          this.#at++;
          open.push(code);
          if (open.length > depthMax) throw new JsonSyntaxError('exceeded max depth');
          this.#space();
          if (code === openBrace && this.#peek() === closeBrace) needsValue = false;
          else if (code === openBracket && this.#peek() === closeBracket) needsValue = false;
          else if (code === openBrace) this.#key();
          if (needsValue) continue;
        } else {
          this.#scalar();
          needsValue = false;
        }
        continue;
      }
      const inside = open.at(-1);
      if (inside === undefined) {
        if (this.#at < this.#bytes.length) this.#fail('after top-level value');
        return;
      }
      const code = this.#peek();
      if (code === (inside === openBrace ? closeBrace : closeBracket)) {
        this.#at++;
        open.pop();
      } else if (code === 0x2c) {
        this.#at++;
        this.#space();
        if (inside === openBrace) this.#key();
        needsValue = true;
      } else this.#fail(inside === openBrace ? 'after object key:value pair' : 'after array element');
    }
  }

  #key(): void {
    if (this.#peek() !== quote) this.#fail('looking for beginning of object key string');
    this.#string();
    this.#space();
    if (this.#peek() !== 0x3a) this.#fail('after object key');
    this.#at++;
  }

  #scalar(): void {
    const code = this.#peek();
    if (code === quote) this.#string();
    else if (code === 0x2d || isDigit(code)) this.#number();
    else if (code === 0x74) this.#literal('true');
    else if (code === 0x66) this.#literal('false');
    else if (code === 0x6e) this.#literal('null');
    else this.#fail('looking for beginning of value');
  }

  #string(): void {
    this.#at++;
    for (;;) {
      const code = this.#peek();
      if (code === quote) {
        this.#at++;
        return;
      }
      if (code < 0x20) this.#fail('in string literal');
      this.#at++;
      if (code !== backslash) continue;
      const escape = this.#peek();
      if (!'"\\/bfnrtu'.includes(String.fromCharCode(escape))) this.#fail('in string escape code');
      this.#at++;
      if (escape !== 0x75) continue;
      for (let digits = 0; digits < 4; digits++) {
        if (!/[0-9a-fA-F]/.test(String.fromCharCode(this.#peek()))) this.#fail('in \\u hexadecimal character escape');
        this.#at++;
      }
    }
  }

  #number(): void {
    if (this.#peek() === 0x2d) {
      this.#at++;
      if (!isDigit(this.#peek())) this.#fail('in numeric literal');
    }
    if (this.#peek() === 0x30) this.#at++;
    else this.#digits();
    if (this.#next() === 0x2e) {
      this.#at++;
      if (!isDigit(this.#peek())) this.#fail('after decimal point in numeric literal');
      this.#digits();
    }
    if (this.#next() === 0x65 || this.#next() === 0x45) {
      this.#at++;
      if (this.#next() === 0x2b || this.#next() === 0x2d) this.#at++;
      if (!isDigit(this.#peek())) this.#fail('in exponent of numeric literal');
      this.#digits();
    }
  }

  #digits(): void {
    while (isDigit(this.#next())) this.#at++;
  }

  #literal(word: string): void {
    for (const letter of word) {
      if (this.#peek() !== letter.charCodeAt(0)) this.#fail(`in literal ${word} (expecting '${letter}')`);
      this.#at++;
    }
  }

  #space(): void {
    for (let code = this.#next(); code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d; code = this.#next()) this.#at++;
  }

  /** -1 at the end. */
  #next(): number {
    return this.#bytes[this.#at] ?? -1;
  }

  /** The end is an error. */
  #peek(): number {
    const code = this.#bytes[this.#at];
    if (code === undefined) throw new JsonSyntaxError(unexpectedEnd);
    return code;
  }

  #fail(where: string): never {
    throw new JsonSyntaxError(`invalid character ${quoteCharacter(this.#peek())} ${where}`);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A byte as Go quotes it: `'x'`, `'\n'`, `'\x00'`; above ASCII as the Latin-1 character. */
function quoteCharacter(code: number): string {
  const named: Record<number, string> = {
    0x07: '\\a', 0x08: '\\b', 0x09: '\\t', 0x0a: '\\n', 0x0b: '\\v', 0x0c: '\\f', 0x0d: '\\r', 0x27: "\\'", 0x5c: '\\\\',
  };
  const hex = code.toString(16).padStart(2, '0');
  if (named[code]) return `'${named[code]}'`;
  if (code < 0x20 || code === 0x7f) return `'\\x${hex}'`;
  if ((code >= 0x80 && code <= 0xa0) || code === 0xad) return `'\\u00${hex}'`;
  return `'${String.fromCharCode(code)}'`;
}

/** More are not told, as upstream. */
const duplicatesMax = 100;

/**
 * The paths of fields that stand more than once in an object, each once, as
 * upstream writes them: `spec.containers[0].image`. The text is known to parse.
 */
export function findDuplicateFields(text: string): string[] {
  const found = new Set<string>();
  /** One an open object or array: the keys seen, or the index. */
  const open: { keys: Set<string> | undefined; index: number; key: string }[] = [];
  const pathTo = (key: string): string => {
    let path = '';
    for (const level of open.slice(0, -1)) path += level.keys ? (path === '' ? level.key : `.${level.key}`) : `[${level.index}]`;
    return path === '' ? key : `${path}.${key}`;
  };
  let expectsKey = false;
  for (let at = 0; at < text.length && found.size < duplicatesMax; at++) {
    const code = text.charCodeAt(at);
    const level = open.at(-1);
    if (code === quote) {
      const end = endOfString(text, at);
      if (expectsKey && level?.keys) {
        const raw = text.slice(at + 1, end);
        const key = raw.includes('\\') ? (JSON.parse(text.slice(at, end + 1)) as string) : raw;
        if (level.keys.has(key)) found.add(pathTo(key));
        level.keys.add(key);
        level.key = key;
        expectsKey = false;
      }
      at = end;
    } else if (code === openBrace) {
      open.push({ keys: new Set(), index: 0, key: '' });
      expectsKey = true;
    } else if (code === openBracket) {
      open.push({ keys: undefined, index: 0, key: '' });
      expectsKey = false;
    } else if (code === closeBrace || code === closeBracket) {
      open.pop();
      expectsKey = false;
    } else if (code === 0x2c && level) {
      if (level.keys) expectsKey = true;
      else level.index++;
    }
  }
  return [...found];
}
