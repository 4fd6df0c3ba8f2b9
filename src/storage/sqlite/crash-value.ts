/** A value that can be told from half of one. */
export function crashValue(key: string): Uint8Array {
  return Buffer.from(`${key}:`.padEnd(3000, key));
}
