/** Servers as people write them. */
import { isIP } from 'node:net';
import type { UpstreamAddress } from './upstream.ts';

/** `10.0.0.53`, `10.0.0.53:5353`, `fd00::53`, `[fd00::53]:5353`; undefined for anything else. */
export function parseUpstreamAddress(text: string): UpstreamAddress | undefined {
  if (isIP(text) !== 0) return { address: text };
  const [, bracketed, plain, port = ''] = /^(?:\[(.+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  if (isIP(address) !== (bracketed === undefined ? 4 : 6) || Number(port) > 65_535) return undefined;
  return port === '' ? { address } : { address, port: Number(port) };
}
