import { assert } from '../base/assert.ts';

const surrogate = /[\ud800-\udfff]/;

/**
 * Every store holds its callers to this. Without surrogates the order of
 * UTF-16 code units, which `<` compares, is the order of the UTF-8 bytes, so no
 * store needs a comparison of its own; and no key is lost in encoding.
 */
export function assertKey(key: string): void {
  assert(key.length > 0, 'a key must not be empty');
  assert(!surrogate.test(key), 'a key must not contain surrogates');
}
