/** A self-signed certificate for 127.0.0.1, made in memory: just enough DER for a test's listener. */
import { generateKeyPairSync, sign } from 'node:crypto';

const oidEcdsaSha256 = '06082a8648ce3d040302';
const oidCommonName = '0603550403';
const oidSubjectAltName = '0603551d11';

function der(tag: number, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)));
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts: (Buffer | string)[]) => der(0x30, ...parts);

export function selfSigned(): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oidEcdsaSha256);
  const name = sequence(der(0x31, sequence(oidCommonName, der(0x0c, Buffer.from('test')))));
  const validity = sequence(der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('490101000000Z')));
  const altNames = sequence(der(0x87, Buffer.from([127, 0, 0, 1])));
  const extensions = der(0xa3, sequence(sequence(oidSubjectAltName, der(0x04, altNames))));
  const version3 = der(0xa0, der(0x02, '02'));
  const body = sequence(version3, der(0x02, '01'), algorithm, name, validity, name, publicKey.export({ type: 'spki', format: 'der' }), extensions);
  const signature = sign('sha256', body, privateKey);
  const certificate = sequence(body, algorithm, der(0x03, '00', signature));
  const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n');
  return { cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}
