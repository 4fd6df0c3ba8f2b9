/** What the tests of a secured etcd need: certificates, and a first user. */
import { Client, credentials } from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';

interface Identity {
  readonly cert: string;
  readonly key: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const validity = { notBefore: new Date('2020-01-01'), notAfter: new Date('2120-01-01') };

export async function makePki(): Promise<{ readonly ca: string; readonly server: Identity; readonly client: Identity }> {
  const caKeys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=test-ca',
    keys: caKeys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign)],
    ...validity,
  });
  const issue = async (name: string, serialNumber: string): Promise<Identity> => {
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber,
      subject: `CN=${name}`,
      issuer: ca.subject,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']),
        new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
      ],
      ...validity,
    });
    const raw = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(raw, 'PRIVATE KEY') };
  };
  return { ca: ca.toString('pem'), server: await issue('server', '02'), client: await issue('client', '03') };
}

/** Makes the user, gives it the role `root`, and turns authentication on. */
export async function enableAuth(endpoint: string, { username, password }: { username: string; password: string }): Promise<void> {
  const client = new Client(new URL(endpoint).host, credentials.createInsecure());
  const call = (method: string, ...fields: string[]) =>
    new Promise<void>((resolve, reject) => {
      const message = Buffer.concat(fields.map((text, at) => Buffer.from([((at + 1) << 3) | 2, text.length, ...Buffer.from(text)])));
      client.makeUnaryRequest(
        `/etcdserverpb.Auth/${method}`,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        message,
        (error) => (error ? reject(error) : resolve()),
      );
    });
  await call('UserAdd', username, password);
  await call('RoleAdd', 'root');
  await call('UserGrantRole', username, 'root');
  await call('AuthEnable');
  client.close();
}
