/**
 * A token of the pod's service account, bound to the pod. It is asked for anew
 * when four fifths of its life are over, or after a day; while the API cannot
 * give a new one, the old one stays until it has expired. As upstream's token
 * manager.
 */
import type { Pod, ServiceAccountTokenProjection } from '../../../../api/types/core-v1.ts';
import type { VolumeHost } from '../volume-plugin.ts';
import type { FileModes, FileSource } from './file-source.ts';

const lifeDefaultSeconds = 3600;
const ageMaxMs = 24 * 3600 * 1000;
/** Tokens of pods that began together are not renewed together. */
const jitterMs = 10_000;

interface Token {
  readonly text: string;
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

/** When to ask for the next token. */
export function renewalTime(issuedAtMs: number, lifeMs: number, jitter: number): number {
  return issuedAtMs + Math.min(lifeMs * 0.8, ageMaxMs) - jitter;
}

export function tokenSource(host: VolumeHost, projection: ServiceAccountTokenProjection, { guarded }: FileModes): FileSource {
  let token: Token | undefined;
  return {
    dueAt: () => token?.renewAtMs ?? 0,
    async collect(pod) {
      const now = host.clock.now();
      if (!token || now >= token.renewAtMs) {
        const known = token;
        token = await request(host, projection, pod).catch((error: unknown) => {
          const { message } = error as Error;
          if (!known) throw new Error(`failed to fetch token: ${message}`, { cause: error });
          if (now >= known.expiresAtMs) throw new Error(`token expired and refresh failed: ${message}`, { cause: error });
          host.logger.warn('renewing a service account token failed', { pod: pod.metadata.uid, error });
          return known;
        });
      }
      return new Map([[projection.path, { data: Buffer.from(token.text), ...guarded }]]);
    },
  };
}

async function request({ client, clock, random, signal }: VolumeHost, { audience, expirationSeconds }: ServiceAccountTokenProjection, { metadata, spec }: Pod): Promise<Token> {
  const { name = '', namespace, uid } = metadata;
  const answer = await client.createToken(
    { namespace, name: spec.serviceAccountName ?? 'default' },
    {
      audiences: audience ? [audience] : [],
      expirationSeconds: expirationSeconds ?? lifeDefaultSeconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    },
    { signal },
  );
  const { token = '', expirationTimestamp = '' } = answer.status ?? {};
  const expiresAtMs = Date.parse(expirationTimestamp);
  // The server may give another life than was asked for.
  const lifeMs = (answer.spec.expirationSeconds ?? lifeDefaultSeconds) * 1000;
  const issuedAtMs = Math.min(expiresAtMs - lifeMs, clock.now());
  return { text: token, expiresAtMs, renewAtMs: renewalTime(issuedAtMs, lifeMs, random.fraction() * jitterMs) };
}
