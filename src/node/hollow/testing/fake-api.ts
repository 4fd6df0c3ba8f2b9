/**
 * A tiny API for tests: keeps nodes, leases and pods, answers what a kubelet
 * asks, and records every write. Status patches merge as far as kubelets need it.
 */
import type { ClientRequest, ClientResponse, ClientStream, Transport } from '../../../client/transport.ts';
import type { Pod } from '../../../api/types/core-v1.ts';

interface Stored {
  metadata: { name?: string; namespace?: string; uid?: string; resourceVersion?: string; [field: string]: unknown };
  status?: Record<string, unknown>;
  [field: string]: unknown;
}

export interface Write {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
}

interface Watcher {
  /** Undefined: the pods of all nodes. */
  readonly nodeName: string | undefined;
  push(events: readonly object[]): void;
}

export class FakeApi implements Transport {
  readonly objects = new Map<string, Stored>();
  readonly writes: Write[] = [];
  watches = 0;
  readonly #watchers = new Set<Watcher>();
  #revision = 1;
  /** Answers a request instead of the store, e.g. with an error. */
  intercept: ((request: ClientRequest) => ClientResponse | undefined) | undefined;

  pod(namespace: string, name: string): Pod | undefined {
    return this.objects.get(`/api/v1/namespaces/${namespace}/pods/${name}`) as unknown as Pod | undefined;
  }

  putPod(pod: Pod): void {
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
    const before = this.objects.get(path);
    this.#store(path, structuredClone(pod) as unknown as Stored);
    this.#tell(before ? 'MODIFIED' : 'ADDED', path);
  }

  removePod(pod: Pod): void {
    this.#remove(`/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`);
  }

  writesTo(part: string): Write[] {
    return this.writes.filter(({ path }) => path.includes(part));
  }

  request(request: ClientRequest): Promise<ClientResponse> {
    return Promise.resolve(this.intercept?.(request) ?? this.#answer(request));
  }

  stream(request: ClientRequest): Promise<ClientStream> {
    const url = new URL(request.target, 'http://api');
    const nodeName = /spec\.nodeName=(.*)/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1];
    this.watches++;
    return Promise.resolve({ status: 200, headers: {}, chunks: this.#watch(nodeName, request.signal) });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer({ method, target, body }: ClientRequest): ClientResponse {
    const path = target.split('?')[0] ?? '';
    const sent = body && body.length > 0 ? (JSON.parse(Buffer.from(body).toString()) as Stored) : undefined;
    if (method !== 'GET') this.writes.push({ method, path, body: sent as Write['body'] });
    if (method === 'POST') {
      const at = `${path}/${sent?.metadata.name}`;
      if (this.objects.has(at)) return failure(409, 'AlreadyExists');
      const stored = this.#store(at, sent as Stored);
      if (path.endsWith('/pods')) this.#tell('ADDED', at);
      return success(stored);
    }
    const at = path.replace(/\/status$/, '');
    const known = this.objects.get(at);
    if (!known) return failure(404, 'NotFound');
    if (method === 'DELETE') {
      this.#remove(at);
      return success(known);
    }
    if (method === 'PUT') return success(this.#store(at, { ...sent, metadata: { ...known.metadata, ...sent?.metadata } }));
    if (method === 'PATCH') {
      const status = { ...known.status, ...sent?.status };
      for (const [field, value] of Object.entries(status)) if (value === null) delete status[field];
      status['conditions'] = mergeByType(known.status?.['conditions'], sent?.status?.['conditions']);
      const stored = this.#store(at, { ...known, status });
      this.#tell('MODIFIED', at);
      return success(stored);
    }
    return success(known);
  }

  #store(path: string, object: Stored): Stored {
    const uid = object.metadata.uid ?? `uid-${this.#revision}`;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(++this.#revision) } };
    this.objects.set(path, stored);
    return stored;
  }

  #remove(path: string): void {
    const object = this.objects.get(path);
    this.#tell('DELETED', path);
    if (object) this.objects.delete(path);
  }

  #tell(type: string, path: string): void {
    const object = this.objects.get(path);
    const nodeName = (object?.['spec'] as { nodeName?: string } | undefined)?.nodeName;
    for (const watcher of this.#watchers) if (watcher.nodeName === undefined || watcher.nodeName === nodeName) watcher.push([{ type, object }]);
  }

  async *#watch(nodeName: string | undefined, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    let waiting: (() => void) | undefined;
    const queue: Uint8Array[] = [];
    const watcher: Watcher = {
      nodeName,
      push(events) {
        queue.push(Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join('')));
        waiting?.();
      },
    };
    const initial = [...this.objects.entries()].filter(([path, object]) => path.includes('/pods/') && (nodeName === undefined || (object['spec'] as { nodeName?: string }).nodeName === nodeName));
    watcher.push([
      ...initial.map(([, object]) => ({ type: 'ADDED', object })),
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#revision), annotations: { 'k8s.io/initial-events-end': 'true' } } } },
    ]);
    this.#watchers.add(watcher);
    signal?.addEventListener('abort', () => waiting?.());
    while (!signal?.aborted) {
      const chunk = queue.shift();
      if (chunk) yield chunk;
      else await new Promise<void>((resolve) => (waiting = resolve));
    }
    this.#watchers.delete(watcher);
  }
}

function mergeByType(before: unknown, patch: unknown): object[] {
  const merged = new Map<string, object>();
  for (const one of [...((before ?? []) as { type: string }[]), ...((patch ?? []) as { type: string }[])]) {
    merged.set(one.type, JSON.parse(JSON.stringify({ ...merged.get(one.type), ...one }), (_, value: unknown) => value ?? undefined) as object);
  }
  return [...merged.values()];
}

function success(body: object): ClientResponse {
  return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(body)) };
}

export function failure(status: number, reason: string): ClientResponse {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, code: status, message: reason };
  return { status, headers: {}, body: Buffer.from(JSON.stringify(body)) };
}
