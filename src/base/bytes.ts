/** UTF-8 both ways, without the streams' ceremony. */
export function decodeUtf8(bytes: Uint8Array): string {
  return (bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString('utf8');
}

/**
 * Memory of its own: a small Buffer from the pool would pin its slab while it
 * is kept, and would carry the slab along to another thread.
 */
export function encodeUtf8(text: string): Uint8Array {
  const size = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafeSlow(size);
  bytes.write(text, 0, size, 'utf8');
  return bytes;
}
