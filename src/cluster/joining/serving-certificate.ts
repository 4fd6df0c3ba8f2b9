/** The certificate of a node's server, below the kubelet's root directory: what somebody has put there, else one that the node signs itself, as upstream's kubelets do. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { CertifiedKey } from '../pki/certificate.ts';
import { isFresh, selfSignedServing, writePrivateFile } from '../pki/pki.ts';

export function servingCertificate(rootDirectory: string, nodeName: string, names: readonly string[], clock: Clock): CertifiedKey {
  const folder = join(rootDirectory, 'pki');
  const [certificatePath, keyPath] = [join(folder, 'kubelet.crt'), join(folder, 'kubelet.key')];
  if (existsSync(certificatePath) && existsSync(keyPath)) {
    const kept = { certificate: readFileSync(certificatePath, 'utf8'), privateKey: readFileSync(keyPath, 'utf8') };
    if (isFresh(kept.certificate, clock)) return kept;
  }
  const made = selfSignedServing({ commonName: nodeName, names }, clock);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writePrivateFile(keyPath, made.privateKey);
  writeFileSync(certificatePath, made.certificate);
  return made;
}
