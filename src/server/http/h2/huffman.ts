/**
 * Huffman decoding of header strings, RFC 7541 appendix B. The code is
 * canonical, so that the lengths say it all: codes of one length follow each
 * other in the order of their symbols.
 */

/** By length in bits: the symbols with a printable form as text, the others by number. */
const symbolsByLength: readonly (readonly [bits: number, ...symbols: readonly (string | number)[]])[] = [
  [5, '012aceiost'],
  [6, ' %-./3456789=A_bdfghlmnpru'],
  [7, ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz'],
  [8, '&*,;XZ'],
  [10, '!"()?'],
  [11, "'+|"],
  [12, '#>'],
  [13, 0, '$@[]~'],
  [14, '^}'],
  [15, '<`{'],
  [19, '\\', 195, 208],
  [20, 128, 130, 131, 162, 184, 194, 224, 226],
  [21, 153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230],
  [22, 129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233],
  [23, 1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239],
  [24, 9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237],
  [25, 199, 207, 234, 235],
  [26, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255],
  [27, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254],
  [28, 2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249],
  [30, 10, 13, 22, 256],
];
const endOfString = 256;

export interface HuffmanCode {
  readonly symbol: number;
  readonly code: number;
  readonly bits: number;
}

export function huffmanCodes(): HuffmanCode[] {
  const codes: HuffmanCode[] = [];
  let code = 0;
  let before = 0;
  for (const [bits, ...symbols] of symbolsByLength) {
    code <<= bits - before;
    before = bits;
    for (const symbol of symbols.flatMap((item) => (typeof item === 'number' ? [item] : [...Buffer.from(item)]))) codes.push({ symbol, code: code++, bits });
  }
  return codes;
}

/**
 * A tree that is walked a byte at a time: 256 entries a node. An entry of a
 * symbol is `symbol << 4 | bits of this byte that belong to it`; one of a
 * further node is its offset, negated.
 */
const table = buildTable();

function buildTable(): Int16Array {
  const nodes: number[][] = [new Array<number>(256).fill(0)];
  for (const { symbol, code, bits } of huffmanCodes()) {
    let node = 0;
    let left = bits;
    for (; left > 8; left -= 8) {
      const byte = (code >>> (left - 8)) & 0xff;
      const at = nodes[node] as number[];
      if (at[byte] === 0) {
        at[byte] = -256 * nodes.length;
        nodes.push(new Array<number>(256).fill(0));
      }
      node = -(at[byte] as number) / 256;
    }
    const first = (code << (8 - left)) & 0xff;
    (nodes[node] as number[]).fill((symbol << 4) | left, first, first + (1 << (8 - left)));
  }
  return Int16Array.from(nodes.flat());
}

/** Most strings fit; longer ones get a buffer of their own. */
const scratch = Buffer.allocUnsafeSlow(4096);

/** The text, a character for each byte; undefined where the bytes are no such code. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  // The shortest code has five bits.
  const lengthMax = (((end - start) * 8) / 5) | 0;
  const text = lengthMax <= scratch.length ? scratch : Buffer.allocUnsafe(lengthMax);
  let length = 0;
  let node = 0;
  let held = 0;
  let bits = 0;
  for (let at = start; at < end; at++) {
    held = ((held << 8) | (bytes[at] as number)) & 0xffff;
    bits += 8;
    while (bits >= 8) {
      const entry = table[node + ((held >>> (bits - 8)) & 0xff)] as number;
      if (entry < 0) {
        node = -entry;
        bits -= 8;
      } else {
        if (entry >>> 4 === endOfString) return undefined;
        text[length++] = entry >>> 4;
        node = 0;
        bits -= entry & 15;
      }
    }
  }
  while (bits > 0) {
    const entry = table[node + ((held << (8 - bits)) & 0xff)] as number;
    if (entry < 0 || (entry & 15) > bits) break;
    text[length++] = entry >>> 4;
    node = 0;
    bits -= entry & 15;
  }
  // What is left must be the beginning of the end of string, which is all ones, and less than a byte.
  const padding = (1 << bits) - 1;
  if (node !== 0 || (held & padding) !== padding) return undefined;
  return text.toString('latin1', 0, length);
}
