/** The vocabulary of RFC 9113: frame types, flags, settings, error codes, and how the small frames look. */

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const settings = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const errorCodes = {
  noError: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes];

/** The peer has broken the protocol in a way that ends the connection. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const frameHeadBytes = 9;
/** Of every peer until it says otherwise, and always ours: no frame that we are sent may be larger. */
export const frameBytesDefault = 16_384;
export const windowMax = 0x7fff_ffff;
/** Of streams and connections alike, until SETTINGS and WINDOW_UPDATE change it. */
export const windowDefault = 65_535;

export function frame(type: number, flag: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeadBytes + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flag;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, frameHeadBytes);
  return bytes;
}

export function settingsFrame(values: readonly (readonly [setting: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(values.length * 6);
  values.forEach(([setting, value], i) => {
    payload.writeUInt16BE(setting, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(frameTypes.settings, 0, 0, payload);
}

export const settingsAck = frame(frameTypes.settings, flags.ack, 0, Buffer.alloc(0));

export function windowUpdateFrame(stream: number, bytes: number): Buffer {
  return frame(frameTypes.windowUpdate, 0, stream, uint32(bytes));
}

export function resetFrame(stream: number, code: ErrorCode): Buffer {
  return frame(frameTypes.reset, 0, stream, uint32(code));
}

export function goAwayFrame(lastStream: number, code: ErrorCode, why: string): Buffer {
  return frame(frameTypes.goAway, 0, 0, Buffer.concat([uint32(lastStream), uint32(code), Buffer.from(why)]));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
