/**
 * Bootstrap tokens `id.secret`, each backed by the Secret bootstrap-token-<id>
 * in kube-system: with one a new node asks for its certificate.
 */
import { timingSafeEqual } from 'node:crypto';
import { bootstrapTokenExpiry, bootstrapTokenForm, bootstrapTokenName, bootstrapTokenNamespace, bootstrapTokenType } from '../../api/bootstrap-tokens.ts';
import type { Secret } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { ClusterView } from '../admission/contract.ts';
import type { TokenAuthenticator, TokenIdentity } from './authentication.ts';

const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export class BootstrapTokenAuthenticator implements TokenAuthenticator {
  readonly #view: ClusterView;
  readonly #clock: Clock;

  constructor(view: ClusterView, clock: Clock) {
    this.#view = view;
    this.#clock = clock;
  }

  authenticateToken(token: string): TokenIdentity | undefined {
    const [, id, tokenSecret] = bootstrapTokenForm.exec(token) ?? [];
    if (id === undefined || tokenSecret === undefined) return undefined;
    const secret = this.#view.get('', 'secrets', bootstrapTokenNamespace, bootstrapTokenName(id)) as
      Secret | undefined;
    if (!secret?.data || secret.metadata.deletionTimestamp || secret.type !== bootstrapTokenType)
      return undefined;
    const data = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64');
    const expected = data('token-secret');
    const given = Buffer.from(tokenSecret);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
    if (data('token-id').toString() !== id || data('usage-bootstrap-authentication').toString() !== 'true')
      return undefined;
    const expiry = bootstrapTokenExpiry(secret);
    if (expiry !== undefined && expiry <= this.#clock.now()) return undefined;
    const extraGroups = data('auth-extra-groups').toString();
    const extra = extraGroups === '' ? [] : extraGroups.split(',');
    if (!extra.every((group) => groupForm.test(group))) return undefined;
    return {
      user: {
        username: `system:bootstrap:${id}`,
        groups: [...new Set(['system:bootstrappers', ...extra])].sort(),
      },
    };
  }
}
