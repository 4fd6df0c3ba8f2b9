/** What the tests of a secured etcd need: certificates, and a first user. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';

/** Why the test that needs certificates is skipped; false where they can be made. */
export const withoutOpenssl: string | false = hasOpenssl() ? false : 'no openssl to make certificates with';

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface Identity {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Pki {
  readonly caFile: string;
  readonly server: Identity;
  readonly client: Identity;
}

export function makePki(directory: string): Pki {
  const file = (name: string) => join(directory, name);
  const openssl = (...flags: string[]) => execFileSync('openssl', flags, { stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    file('ca.key'),
    '-out',
    file('ca.crt'),
    '-subj',
    '/CN=test-ca',
    '-days',
    '30',
  );
  writeFileSync(file('extensions'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n');
  const issue = (name: string): Identity => {
    openssl(
      'req',
      '-new',
      ...newKey,
      file(`${name}.key`),
      '-out',
      file(`${name}.csr`),
      '-subj',
      `/CN=${name}`,
    );
    const by = [
      '-CA',
      file('ca.crt'),
      '-CAkey',
      file('ca.key'),
      '-CAcreateserial',
      '-extfile',
      file('extensions'),
      '-days',
      '30',
    ];
    openssl('x509', '-req', '-in', file(`${name}.csr`), '-out', file(`${name}.crt`), ...by);
    return { certFile: file(`${name}.crt`), keyFile: file(`${name}.key`) };
  };
  return { caFile: file('ca.crt'), server: issue('server'), client: issue('client') };
}

export function pem(file: string): Uint8Array {
  return readFileSync(file);
}

/** Makes the user, gives it the role `root`, and turns authentication on. */
export async function enableAuth(
  endpoint: string,
  { username, password }: { username: string; password: string },
): Promise<void> {
  const client = new Client(new URL(endpoint).host, credentials.createInsecure());
  const call = (method: string, ...fields: string[]) =>
    new Promise<void>((resolve, reject) => {
      const message = Buffer.concat(
        fields.map((text, at) => Buffer.from([((at + 1) << 3) | 2, text.length, ...Buffer.from(text)])),
      );
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
