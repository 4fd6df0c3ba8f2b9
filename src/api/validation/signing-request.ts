/**
 * PKCS #10 requests as far as the API server looks at them: is it one, and is
 * it signed with the key that it carries. Reads just enough DER for that.
 */
import { createPublicKey, verify } from 'node:crypto';

interface DerValue {
  readonly tag: number;
  /** With its header. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

const sequence = 0x30;
const bitString = 0x03;
const objectId = 0x06;

class MalformedDer extends Error {}

function readValues(bytes: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const value = readValue(bytes.subarray(at));
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

function readValue(bytes: Buffer): DerValue {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw new MalformedDer('truncated');
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 4 || bytes.length < 2 + lengthBytes || first === 0x80)
    throw new MalformedDer('bad length');
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  if (bytes.length < start + length) throw new MalformedDer('truncated');
  return { tag, whole: bytes.subarray(0, start + length), content: bytes.subarray(start, start + length) };
}

/** Signature algorithms by the hex of their object identifiers; null where the key decides. */
const hashOf: ReadonlyMap<string, string | null> = new Map([
  ['2a864886f70d010105', 'sha1'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2b6570', null],
]);

/** What is wrong with a PEM request in base64; undefined for a good one. */
export function signingRequestProblem(base64: string): string | undefined {
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  const block = /-----BEGIN ([A-Z ]+)-----\s([\s\S]*?)-----END \1-----/.exec(pem);
  if (!block || block[1] !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  try {
    return signatureProblem(Buffer.from(block[2] ?? '', 'base64'));
  } catch (error) {
    if (error instanceof MalformedDer) return 'asn1: structure error: malformed certificate request';
    throw error;
  }
}

function signatureProblem(der: Buffer): string | undefined {
  const request = readValue(der);
  const [info, algorithm, signature] = readValues(request.content);
  if (
    request.tag !== sequence ||
    info?.tag !== sequence ||
    algorithm?.tag !== sequence ||
    signature?.tag !== bitString
  )
    throw new MalformedDer('not a request');
  // version, subject, subjectPublicKeyInfo, attributes
  const publicKeyInfo = readValues(info.content)[2];
  const oid = readValues(algorithm.content)[0];
  if (publicKeyInfo?.tag !== sequence || oid?.tag !== objectId) throw new MalformedDer('not a request');
  const hash = hashOf.get(oid.content.toString('hex'));
  if (hash === undefined) return 'x509: cannot verify signature: algorithm unimplemented';
  return isSigned(info.whole, hash, publicKeyInfo.whole, signature.content.subarray(1))
    ? undefined
    : 'x509: invalid signature';
}

function isSigned(data: Buffer, hash: string | null, publicKeyInfo: Buffer, signature: Buffer): boolean {
  try {
    return verify(
      hash,
      data,
      createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' }),
      signature,
    );
  } catch (error) {
    // OpenSSL throws for keys it cannot read: such a request is not signed with its key.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
