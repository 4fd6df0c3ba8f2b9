/** The numbers of the DNS protocol that this server knows (RFC 1035, 2782, 3596, 6891). */
export const recordTypes = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, HINFO: 13, MX: 15, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, IXFR: 251, AXFR: 252, ANY: 255 } as const;

export const rcodes = { noError: 0, formatError: 1, serverFailure: 2, nameError: 3, notImplemented: 4, refused: 5, badVersion: 16 } as const;

export const classInternet = 1;
export const headerBytes = 12;

/** The second word of a header. */
export const flags = { response: 0x8000, opcode: 0x7800, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100, recursionAvailable: 0x0080, checkingDisabled: 0x0010, rcode: 0x000f } as const;

/** What fits through every network unfragmented (DNS flag day 2020): no answer over UDP is larger, whatever the client offers. */
export const udpBytesMax = 1232;
/** Without EDNS. */
export const udpBytesPlain = 512;

const typeNames = new Map<number, string>(Object.entries(recordTypes).map(([name, type]) => [type, name]));

/** For metrics: a bounded set. */
export function typeName(type: number): string {
  return typeNames.get(type) ?? 'other';
}

const rcodeNames = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

export function rcodeName(rcode: number): string {
  return rcodeNames[rcode] ?? (rcode === rcodes.badVersion ? 'BADVERS' : 'other');
}
