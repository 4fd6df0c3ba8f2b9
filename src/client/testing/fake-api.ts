/**
 * A small API server for tests of clients and controllers: objects in memory,
 * resourceVersion conflicts, finalizers, status subresources, list and watch.
 * It checks nothing else; the real server is what integration tests use.
 */
import { alreadyExists, apiError, ApiError, conflict, notFound, staleObject } from '../../api/errors.ts';
import type { ExchangeHandler, ExchangeRequest, Responder } from '../../base/exchange.ts';
import type { ApiObject, Resource } from '../resource.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

interface Stored extends ApiObject {
  spec?: unknown;
  status?: unknown;
}

interface Target {
  readonly collection: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly query: URLSearchParams;
}

interface Watcher {
  readonly target: Target;
  readonly responder: Responder;
}

export interface FakeRequest {
  readonly method: string;
  readonly target: string;
  readonly body: unknown;
}

export class FakeApi {
  readonly requests: FakeRequest[] = [];
  /** What discovery says. */
  served: readonly Resource[] = [];
  /** Set to make requests fail: return what to answer, or undefined to go on. */
  fail: (request: FakeRequest) => ApiError | undefined = () => undefined;
  readonly #objects = new Map<string, Stored>();
  readonly #watchers = new Set<Watcher>();
  #revision = 100;
  #uid = 1;

  readonly handler: ExchangeHandler = (request, responder) => {
    void this.#handle(request, responder);
  };

  /** Puts an object in as if a client had, status included. */
  put(collection: string, object: object): void {
    const stored = structuredClone(object) as Stored;
    stored.metadata.uid ??= `uid-${this.#uid++}`;
    stored.metadata.creationTimestamp ??= '2026-01-01T00:00:00Z';
    this.#commit(collection, `${collection}|${stored.metadata.namespace ?? ''}/${stored.metadata.name}`, stored);
  }

  remove(collection: string, namespace: string, name: string): void {
    this.#erase(collection, `${collection}|${namespace}/${name}`);
  }

  get<T>(collection: string, namespace: string, name: string): T | undefined {
    return this.#objects.get(`${collection}|${namespace}/${name}`) as T | undefined;
  }

  list<T>(collection: string): T[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${collection}|`)).map(([, object]) => object as T);
  }

  /** Writes of a kind, as `POST pods`, for assertions. */
  writes(): string[] {
    return this.requests.filter(({ method }) => method !== 'GET').map(({ method, target }) => `${method} ${target.split('?')[0]}`);
  }

  /** Ends every watch: true as the server does in peace, false as a broken connection. */
  endWatches(orderly: boolean): void {
    for (const { responder } of [...this.#watchers]) {
      if (orderly) responder.end();
      else responder.destroy();
    }
  }

  async #handle(request: ExchangeRequest, responder: Responder): Promise<void> {
    try {
      const bytes = await request.body();
      const body: unknown = bytes.byteLength === 0 ? undefined : JSON.parse(Buffer.from(bytes).toString('utf8'));
      const seen = { method: request.method, target: request.target, body };
      this.requests.push(seen);
      const failure = this.fail(seen);
      if (failure) throw failure;
      if (request.target === '/api' || request.target === '/apis') {
        answer(responder, 200, this.#discovery(request.target === '/api'));
        return;
      }
      const target = parseTarget(request.target);
      if (request.method === 'GET' && target.query.get('watch')) this.#watch(target, responder);
      else answer(responder, request.method === 'POST' ? 201 : 200, this.#answer(request, target, body as Stored));
    } catch (error) {
      const failure = error instanceof ApiError ? error : apiError(500, 'InternalError', String(error));
      answer(responder, failure.code, failure.status);
    }
  }

  #discovery(core: boolean): unknown {
    const items = this.served
      .filter(({ group }) => (group === '') === core)
      .map(({ group, version, resource, kind, namespaced }) => ({
        metadata: { name: group },
        versions: [{ version, resources: [{ resource, scope: namespaced ? 'Namespaced' : 'Cluster', verbs, responseKind: { group, version, kind } }] }],
      }));
    return { kind: 'APIGroupDiscoveryList', items };
  }

  #answer(request: ExchangeRequest, target: Target, body: Stored): unknown {
    const key = `${target.collection}|${target.namespace}/${target.name}`;
    switch (request.method) {
      case 'GET':
        if (target.name === '') return this.#list(target);
        return this.#existing(target, key);
      case 'POST':
        return this.#create(target, body);
      case 'PUT':
        return this.#update(target, key, body);
      case 'PATCH':
        return this.#update(target, key, mergePatch(structuredClone(this.#existing(target, key)), body) as Stored);
      case 'DELETE':
        return this.#delete(target, key, body as { preconditions?: { uid?: string }; propagationPolicy?: string } | undefined);
      default:
        throw apiError(405, 'MethodNotAllowed', request.method);
    }
  }

  #existing(target: Target, key: string): Stored {
    const found = this.#objects.get(key);
    if (!found) throw notFound({ group: '', kind: target.resource, name: target.name });
    return found;
  }

  #list(target: Target) {
    return { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: String(this.#revision) }, items: this.#selected(target) };
  }

  #selected(target: Target): Stored[] {
    return this.list<Stored>(target.collection).filter((object) => matches(target, object));
  }

  #create(target: Target, body: Stored): Stored {
    const object = structuredClone(body);
    const { metadata } = object;
    metadata.name ??= `${metadata.generateName ?? ''}${String(this.#uid).padStart(5, '0')}`;
    if (target.namespace) metadata.namespace = target.namespace;
    const key = `${target.collection}|${target.namespace}/${metadata.name}`;
    if (this.#objects.has(key)) throw alreadyExists({ group: '', kind: target.resource, name: metadata.name });
    metadata.uid = `uid-${this.#uid++}`;
    metadata.creationTimestamp = '2026-01-01T00:00:00Z';
    metadata.generation = 1;
    return this.#commit(target.collection, key, object);
  }

  #update(target: Target, key: string, body: Stored): Stored {
    const old = this.#existing(target, key);
    const subject = { group: '', kind: target.resource, name: target.name };
    const { resourceVersion, uid } = body.metadata;
    if (resourceVersion && resourceVersion !== old.metadata.resourceVersion) throw conflict(subject, staleObject);
    if (uid && uid !== old.metadata.uid) throw conflict(subject, 'the UID in the precondition does not match');
    const object = structuredClone(body);
    object.metadata.uid = old.metadata.uid;
    if (target.subresource === 'status') object.spec = old.spec;
    else if (target.subresource === '' && JSON.stringify(object.spec) !== JSON.stringify(old.spec)) {
      object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
    const finalizers = (object.spec as { finalizers?: string[] } | undefined)?.finalizers;
    if (object.metadata.deletionTimestamp && !object.metadata.finalizers?.length && !finalizers?.length) {
      this.#erase(target.collection, key);
      return object;
    }
    return this.#commit(target.collection, key, object);
  }

  #delete(target: Target, key: string, options: { preconditions?: { uid?: string }; propagationPolicy?: string } | undefined): unknown {
    if (target.name === '') {
      for (const { metadata } of this.#selected(target)) {
        this.#delete({ ...target, name: metadata.name! }, `${target.collection}|${metadata.namespace ?? ''}/${metadata.name}`, undefined);
      }
      return { kind: 'Status', status: 'Success' };
    }
    const object = structuredClone(this.#existing(target, key));
    const wantedUid = options?.preconditions?.uid;
    if (wantedUid && wantedUid !== object.metadata.uid) throw conflict({ group: '', kind: target.resource, name: target.name }, 'Precondition failed: UID');
    const added = { Foreground: 'foregroundDeletion', Orphan: 'orphan' }[options?.propagationPolicy ?? ''];
    if (added) object.metadata.finalizers = [...new Set([...(object.metadata.finalizers ?? []), added])];
    const finalizers = (object.spec as { finalizers?: string[] } | undefined)?.finalizers;
    if (!object.metadata.finalizers?.length && !finalizers?.length) this.#erase(target.collection, key);
    else {
      object.metadata.deletionTimestamp ??= '2026-01-01T00:00:00Z';
      this.#commit(target.collection, key, object);
    }
    return { kind: 'Status', status: 'Success' };
  }

  #commit(collection: string, key: string, object: Stored): Stored {
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED';
    object.metadata.resourceVersion = String(++this.#revision);
    this.#objects.set(key, object);
    this.#notify(collection, type, object);
    return object;
  }

  #erase(collection: string, key: string): void {
    const old = this.#objects.get(key);
    if (!old) return;
    this.#objects.delete(key);
    this.#notify(collection, 'DELETED', { ...old, metadata: { ...old.metadata, resourceVersion: String(++this.#revision) } });
  }

  #notify(collection: string, type: string, object: Stored): void {
    for (const { target, responder } of this.#watchers) {
      if (target.collection === collection && matches(target, object)) responder.write([line({ type, object })]);
    }
  }

  #watch(target: Target, responder: Responder): void {
    responder.head(200, { 'content-type': 'application/json' });
    if (target.query.get('sendInitialEvents') === 'true') {
      for (const object of this.#selected(target)) responder.write([line({ type: 'ADDED', object })]);
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      responder.write([line({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#revision), annotations } } })]);
    }
    const watcher = { target, responder };
    this.#watchers.add(watcher);
    responder.onClose(() => this.#watchers.delete(watcher));
  }
}

function matches(target: Target, { metadata }: Stored): boolean {
  if (target.namespace !== '' && metadata.namespace !== target.namespace) return false;
  const field = target.query.get('fieldSelector');
  return !field?.startsWith('metadata.name=') || metadata.name === field.slice('metadata.name='.length);
}

function parseTarget(text: string): Target {
  const url = new URL(text, 'http://fake');
  const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const group = parts[0] === 'api' ? '' : `${parts[1]}/`;
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize') {
    namespace = rest[1]!;
    rest.splice(0, 2);
  }
  const [resource = '', name = '', subresource = ''] = rest;
  return { collection: group + resource, resource, namespace, name, subresource, query: url.searchParams };
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(typeof target === 'object' && target !== null ? (target as Record<string, unknown>) : {}) };
  for (const [name, value] of Object.entries(patch)) {
    const [directive, list] = name.split('/');
    if (directive === '$deleteFromPrimitiveList' && list !== undefined) result[list] = (result[list] as unknown[] | undefined)?.filter((item) => !(value as unknown[]).includes(item));
    else if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

function line(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

function answer(responder: Responder, status: number, body: unknown): void {
  responder.head(status, { 'content-type': 'application/json' });
  responder.end([Buffer.from(JSON.stringify(body))]);
}
