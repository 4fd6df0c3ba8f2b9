/** The vocabulary of SPDY/3.1: frame types, flags, codes, and how frames look. */

export const frameTypes = { synStream: 1, synReply: 2, reset: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const;
export const flags = { fin: 1, unidirectional: 2 } as const;
export const resetCodes = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;
export const goAwayCodes = { ok: 0, protocolError: 1 } as const;

export const version = 3;
export const frameHeadBytes = 8;
export const streamIdMax = 0x7fff_ffff;

/** The peer has broken the protocol; the connection ends. */
export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}

export function controlFrame(type: number, flag: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeadBytes + payload.length);
  frame.writeUInt16BE(0x8000 | version, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUInt32BE(payload.length, 4);
  frame[4] = flag;
  frame.set(payload, frameHeadBytes);
  return frame;
}

export function dataFrame(stream: number, flag: number, content: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeadBytes + content.length);
  frame.writeUInt32BE(stream, 0);
  frame.writeUInt32BE(content.length, 4);
  frame[4] = flag;
  frame.set(content, frameHeadBytes);
  return frame;
}

export function synStreamFrame(stream: number, headers: Uint8Array): Buffer {
  return controlFrame(frameTypes.synStream, 0, Buffer.concat([words(stream, 0), Buffer.alloc(2), headers]));
}

export function synReplyFrame(stream: number, headers: Uint8Array): Buffer {
  return controlFrame(frameTypes.synReply, 0, Buffer.concat([words(stream), headers]));
}

export function resetFrame(stream: number, code: number): Buffer {
  return controlFrame(frameTypes.reset, 0, words(stream, code));
}

export function pingFrame(id: number): Buffer {
  return controlFrame(frameTypes.ping, 0, words(id));
}

export function goAwayFrame(lastStream: number, code: number): Buffer {
  return controlFrame(frameTypes.goAway, 0, words(lastStream, code));
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  values.forEach((value, i) => bytes.writeUInt32BE(value, i * 4));
  return bytes;
}
