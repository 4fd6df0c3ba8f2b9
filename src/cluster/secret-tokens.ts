/** Signs the tokens of legacy token secrets, where the controllers are given the key of service accounts. */
import { createPrivateKey } from 'node:crypto';
import type { SignLegacyToken } from '../controllers/serviceaccount/token-secrets.ts';

/** `key`: PEM. Throws for what is not a private key. Few clusters have such secrets: the rest is loaded with the first. */
export function secretTokenSigner(key: string): SignLegacyToken {
  const privateKey = createPrivateKey(key);
  return async (account, secret) => {
    const { secretTokenOf } = await import('../server/access/tokens.ts');
    return secretTokenOf(account, secret, privateKey);
  };
}
