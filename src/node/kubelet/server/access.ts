/**
 * Who may ask a node: callers with a client certificate of the cluster's
 * authority or a bearer token that the API knows, if the API says that they may
 * do what they ask with the node's subresource. Rules and wording are upstream's
 * (pkg/kubelet/server/auth.go), with anonymous callers refused. What the API
 * said is remembered for a while.
 */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { TokenReview } from '../../../api/types/authentication-v1.ts';
import type { SubjectAccessReview } from '../../../api/types/authorization-v1.ts';
import type { Clock } from '../../../base/clock.ts';
import type { UserInfo } from '../../../base/exchange.ts';
import { NodeError, type ServedNode } from './served-node.ts';

const rememberedMax = 1000;
const allowedForMs = 300_000;
const refusedForMs = 30_000;
const tokenForMs = 120_000;

const verbs: Readonly<Record<string, string>> = { POST: 'create', GET: 'get', HEAD: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** The subresources of a node that a path belongs to; any of them is enough. */
function subresourcesOf(path: string): readonly string[] {
  const isUnder = (root: string) => path === root || path.startsWith(`${root}/`);
  const fine = isUnder('/pods') || isUnder('/runningpods') ? ['pods'] : isUnder('/healthz') ? ['healthz'] : isUnder('/configz') ? ['configz'] : [];
  if (isUnder('/stats')) return [...fine, 'stats'];
  if (isUnder('/metrics')) return [...fine, 'metrics'];
  if (isUnder('/logs')) return [...fine, 'log'];
  if (isUnder('/checkpoint')) return [...fine, 'checkpoint'];
  return [...fine, 'proxy'];
}

export class NodeAccess {
  readonly #clock: Clock;
  readonly #verdicts: Remembered<boolean>;
  readonly #users: Remembered<UserInfo | undefined>;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#verdicts = new Remembered(clock);
    this.#users = new Remembered(clock);
  }

  /** Throws NodeError 401 or 403. */
  async check(node: ServedNode, request: IncomingMessage, path: string): Promise<void> {
    const user = certified(request.socket as TLSSocket) ?? (await this.#byToken(node, request));
    if (!user) throw new NodeError(401, 'Unauthorized');
    const verb = verbs[request.method ?? ''] ?? '';
    const subresources = subresourcesOf(path);
    for (const subresource of subresources) if (await this.#mayUse(node, user, verb, subresource)) return;
    throw new NodeError(403, `Forbidden (user=${user.username}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])\n`);
  }

  async #byToken(node: ServedNode, request: IncomingMessage): Promise<UserInfo | undefined> {
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    return this.#users.get(token, async () => {
      const review: TokenReview = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } };
      const { status } = await node.client.json<TokenReview>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', review);
      const { username, groups, uid } = status?.user ?? {};
      const user = status?.authenticated && username !== undefined ? { username, groups: groups ?? [], ...(uid ? { uid } : {}) } : undefined;
      return { value: user, untilMs: this.#clock.monotonic() + tokenForMs };
    });
  }

  #mayUse(node: ServedNode, user: UserInfo, verb: string, subresource: string): Promise<boolean> {
    const key = [node.name, user.username, ...user.groups, verb, subresource].join('\n');
    return this.#verdicts.get(key, async () => {
      const review: SubjectAccessReview = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        metadata: {},
        spec: { user: user.username, groups: [...user.groups], ...(user.uid ? { uid: user.uid } : {}), resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: node.name } },
      };
      const { status } = await node.client.json<SubjectAccessReview>('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
      const value = status?.allowed ?? false;
      return { value, untilMs: this.#clock.monotonic() + (value ? allowedForMs : refusedForMs) };
    });
  }
}

/** The subject of a certificate that the cluster's authority has signed. */
function certified(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (!subject?.CN) return undefined;
  const groups = subject.O === undefined ? [] : [subject.O].flat();
  return { username: String(subject.CN), groups: [...groups, 'system:authenticated'] };
}

interface Answer<V> {
  readonly value: V;
  readonly untilMs: number;
}

class Remembered<V> {
  readonly #clock: Clock;
  readonly #answers = new Map<string, Answer<V>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string, ask: () => Promise<Answer<V>>): Promise<V> {
    const known = this.#answers.get(key);
    if (known && known.untilMs > this.#clock.monotonic()) return known.value;
    const answer = await ask();
    if (this.#answers.size >= rememberedMax) this.#answers.clear();
    this.#answers.set(key, answer);
    return answer.value;
  }
}
