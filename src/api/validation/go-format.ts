/** Values as Go prints them in error texts: %q, and encoding/json with its HTML escapes. */

const namedEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

const plain = /^[ !#-[\]-~]*$/;
/** What Go's unicode.IsPrint refuses: marks of format, control, separators other than the space, unassigned, lone surrogates. */
export const unprintable = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** As Go's %q: double quotes, named escapes, \xNN and \uNNNN for what does not print. */
export function goQuote(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  let out = '"';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    const named = namedEscapes[char];
    if (named !== undefined) out += named;
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code >= 0x80 && unprintable.test(char)) {
      out += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
    } else out += char;
  }
  return `${out}"`;
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** As Go's json.Marshal: `<`, `>` and `&` escaped; an absent value is null. */
export function goJson(value: unknown): string {
  if (value === undefined) return 'null';
  if (typeof value === 'bigint') return value.toString();
  const text = typeof value === 'object' ? JSON.stringify(value, exactNumber) : JSON.stringify(value);
  return htmlMarks.test(text) ? text.replace(/[<>&\u2028\u2029]/g, (char) => htmlEscapes[char]!) : text;
}

const htmlMarks = /[<>&\u2028\u2029]/;

/** Exact where it matters little: an int64 beyond 2^53 inside an object that is printed as a whole loses its last digits. */
function exactNumber(_: string, item: unknown): unknown {
  return typeof item === 'bigint' ? Number(item) : item;
}

/** As fmt's `%#v` of a []string. */
export function goStringSlice(items: readonly string[]): string {
  return `[]string{${items.map(goQuote).join(', ')}}`;
}
