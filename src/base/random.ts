import { randomBytes, randomUUID } from 'node:crypto';

/** The only door to chance. Simulations hand in `seededRandom`. */
export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
  /** A version-4 UUID. */
  uuid(): string;
  /** `length` characters of the alphabet that generated names use. */
  suffix(length: number): string;
}

/** No vowels and no look-alikes, so that no word and no confusion can arise; the alphabet is upstream's. */
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

export function systemRandom(): Random {
  return {
    fraction: () => Math.random(),
    below: (bound) => Math.floor(Math.random() * bound),
    uuid: () => randomUUID(),
    suffix(length) {
      let text = '';
      for (const byte of randomBytes(length)) text += nameAlphabet[byte % nameAlphabet.length];
      return text;
    },
  };
}

/** Deterministic: the same seed gives the same sequence (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (bound: number) => Math.floor(fraction() * bound);
  const hex = (digits: number) => {
    let text = '';
    for (let i = 0; i < digits; i++) text += below(16).toString(16);
    return text;
  };
  return {
    fraction,
    below,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${'89ab'[below(4)]}${hex(3)}-${hex(12)}`,
    suffix(length) {
      let text = '';
      for (let i = 0; i < length; i++) text += nameAlphabet[below(nameAlphabet.length)];
      return text;
    },
  };
}
