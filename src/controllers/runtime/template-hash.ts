/** A short, stable name for a template: FNV-1a over its canonical JSON, in the alphabet that generated names use. */

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

export function templateHash(template: unknown, collisionCount = 0): string {
  const text = `${canonical(template)}${collisionCount === 0 ? '' : String(collisionCount)}`;
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return safeText(String(hash));
}

/** Digits as letters that make no words. */
function safeText(digits: string): string {
  let text = '';
  for (const digit of digits) text += alphabet[digit.charCodeAt(0) % alphabet.length];
  return text;
}

/** JSON with the fields in order and without those that are undefined. */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`;
}
