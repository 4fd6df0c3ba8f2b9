/**
 * The typed client: resources in, objects out, over any transport. A failed
 * request throws ApiError with the server's Status; what the transport throws
 * (a broken connection, an abort) passes through untouched.
 *
 * 429 and 503 with Retry-After are retried here, a bounded number of times,
 * because every caller would have to; nothing else is.
 */
import type { DeleteOptions } from '../api/types/meta-v1.ts';
import type { Binding } from '../api/types/core-v1.ts';
import type { Eviction } from '../api/types/policy-v1.ts';
import type { Scale } from '../api/types/autoscaling-v1.ts';
import type { TokenRequest } from '../api/types/authentication-v1.ts';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { apiVersionOf } from './resource.ts';
import type { ApiObject, ObjectName, Resource } from './resource.ts';
import { pods, serviceAccounts } from './resources.ts';
import { parseBody, responseError } from './response.ts';
import { TokenBucket } from './token-bucket.ts';
import type { ClientRequest, ClientResponse, Transport } from './transport.ts';
import { decodeWatchStream } from './watch-decoder.ts';
import type { WatchStream } from './watch-decoder.ts';

export interface ClientOptions {
  readonly clock: Clock;
  readonly userAgent?: string;
  /** Requests a second, with `burst` at once; no limit where left out. Watches count as one request. */
  readonly limit?: { readonly perSecond: number; readonly burst: number };
  /** How often a request is repeated after 429 or 503 with Retry-After. */
  readonly retries?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The request can wait for others of this client. */
  readonly background?: boolean;
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
}

export interface GetOptions extends CallOptions {
  readonly resourceVersion?: string;
}

export interface ListOptions extends CallOptions {
  /** All namespaces where left out. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact';
  /** Ask for PartialObjectMetadata: apiVersion, kind and metadata only. */
  readonly metadataOnly?: boolean;
}

export interface WatchOptions extends ListOptions {
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

export interface PatchOptions extends WriteOptions {
  readonly type: PatchType;
  readonly subresource?: string;
  /** Server-side apply only. */
  readonly force?: boolean;
}

export interface DeleteCallOptions extends CallOptions, Readonly<Omit<DeleteOptions, 'apiVersion' | 'kind' | 'dryRun'>> {
  readonly dryRun?: string[];
}

export interface ObjectList<T> {
  readonly items: T[];
  readonly resourceVersion: string;
  readonly continue: string | undefined;
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const patchContentTypes: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

const acceptJson = 'application/json';
const acceptMetadata = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const acceptMetadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const defaultRetries = 10;
const noOptions: SendOptions = {};

/** Each set of headers is one object for all requests and clients: transports know it again, and need not read it. */
const headerSets = new Map<string, Readonly<Record<string, string>>>();

function headersOf(userAgent: string, accept: string, contentType: string | undefined): Readonly<Record<string, string>> {
  const key = `${contentType}\n${accept}\n${userAgent}`;
  let headers = headerSets.get(key);
  if (!headers) {
    headers = { accept, 'user-agent': userAgent, ...(contentType === undefined ? {} : { 'content-type': contentType }) };
    headerSets.set(key, headers);
  }
  return headers;
}

export class Client {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly #userAgent: string;
  readonly #bucket: TokenBucket | undefined;
  readonly #retries: number;

  constructor(transport: Transport, options: ClientOptions) {
    this.transport = transport;
    this.clock = options.clock;
    this.#userAgent = options.userAgent ?? 'coxswain';
    this.#bucket = options.limit && new TokenBucket(options.clock, options.limit.perSecond, options.limit.burst);
    this.#retries = options.retries ?? defaultRetries;
  }

  get<T extends ApiObject>(resource: Resource<T>, name: ObjectName, options: GetOptions = {}): Promise<T> {
    const query = options.resourceVersion ? `?resourceVersion=${encodeURIComponent(options.resourceVersion)}` : '';
    return this.json<T>('GET', objectPath(resource, name) + query, undefined, options);
  }

  /** Metadata only: cheap for the server and for us where nothing else is needed. */
  getMetadata(resource: Resource, name: ObjectName, options: CallOptions = {}): Promise<ApiObject> {
    return this.json<ApiObject>('GET', objectPath(resource, name), undefined, { ...options, accept: acceptMetadata });
  }

  async list<T extends ApiObject>(resource: Resource<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const target = collectionPath(resource, options.namespace) + listQuery(options);
    const list = await this.json<{ metadata?: { resourceVersion?: string; continue?: string }; items?: T[] | null }>(
      'GET',
      target,
      undefined,
      { ...options, accept: options.metadataOnly ? acceptMetadataList : acceptJson },
    );
    const items = list.items ?? [];
    // Lists leave out what each item is; objects say it everywhere else.
    const apiVersion = apiVersionOf(resource);
    for (const item of items) {
      item.apiVersion ??= apiVersion;
      item.kind ??= resource.kind;
    }
    return { items, resourceVersion: list.metadata?.resourceVersion ?? '', continue: list.metadata?.continue || undefined };
  }

  /** Every page of a list, `limit` (500) objects at a time. */
  async *listPages<T extends ApiObject>(resource: Resource<T>, options: ListOptions = {}): AsyncGenerator<T[]> {
    const limit = options.limit ?? 500;
    let page = await this.list(resource, { ...options, limit });
    yield page.items;
    while (page.continue !== undefined) {
      const { resourceVersion: _, resourceVersionMatch: __, ...rest } = options;
      page = await this.list(resource, { ...rest, limit, continue: page.continue });
      yield page.items;
    }
  }

  /** Events in batches, one batch per chunk that arrived, of objects without managedFields. ERROR events are thrown as ApiError. */
  async watch<T extends ApiObject>(resource: Resource<T>, options: WatchOptions = {}): Promise<WatchStream<T>> {
    const target = collectionPath(resource, options.namespace) + listQuery(options, { watch: 'true' });
    const accept = options.metadataOnly ? acceptMetadata : acceptJson;
    await this.#turn(options.signal);
    const stream = await this.transport.stream(this.#request('GET', target, undefined, { ...options, accept }));
    return decodeWatchStream<T>(stream);
  }

  /** The namespace is the object's own. */
  create<T extends ApiObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.json<T>('POST', collectionPath(resource, object.metadata.namespace) + writeQuery(options), typed(resource, object), options);
  }

  update<T extends ApiObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.json<T>('PUT', objectPath(resource, object.metadata) + writeQuery(options), typed(resource, object), options);
  }

  updateStatus<T extends ApiObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.json<T>('PUT', `${objectPath(resource, object.metadata)}/status${writeQuery(options)}`, typed(resource, object), options);
  }

  patch<T extends ApiObject>(resource: Resource<T>, name: ObjectName, patch: unknown, options: PatchOptions): Promise<T> {
    const subresource = options.subresource ? `/${options.subresource}` : '';
    const query = writeQuery(options);
    return this.json<T>('PATCH', objectPath(resource, name) + subresource + query, patch, {
      ...options,
      contentType: patchContentTypes[options.type],
    });
  }

  async delete(resource: Resource, name: ObjectName, options: DeleteCallOptions = {}): Promise<void> {
    await this.send('DELETE', objectPath(resource, name), deleteBody(options), options);
  }

  async deleteCollection(resource: Resource, selection: ListOptions, options: DeleteCallOptions = {}): Promise<void> {
    const target = collectionPath(resource, selection.namespace) + listQuery(selection);
    await this.send('DELETE', target, deleteBody(options), options);
  }

  /** Writes a subresource by PUT, e.g. a namespace's `finalize`. */
  updateSubresource<T extends ApiObject>(resource: Resource<T>, subresource: string, object: T, options: WriteOptions = {}): Promise<T> {
    return this.json<T>('PUT', `${objectPath(resource, object.metadata)}/${subresource}${writeQuery(options)}`, typed(resource, object), options);
  }

  /** Assigns a pod to a node. The answer is not parsed: this is the scheduler's hot path. */
  async bind(pod: ObjectName & { readonly uid?: string | undefined }, nodeName: string, options: WriteOptions = {}): Promise<void> {
    const binding: Binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace: pod.namespace, name: pod.name, uid: pod.uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    };
    await this.send('POST', `${objectPath(pods, pod)}/binding${writeQuery(options)}`, binding, options);
  }

  /** Deletes a pod unless a disruption budget forbids it: then ApiError 429, without retries. */
  async evict(pod: ObjectName, deleteOptions: DeleteOptions = {}, options: WriteOptions = {}): Promise<void> {
    const eviction: Eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { namespace: pod.namespace, name: pod.name },
      deleteOptions,
    };
    await this.send('POST', `${objectPath(pods, pod)}/eviction${writeQuery(options)}`, eviction, { ...options, retries: 0 });
  }

  getScale(resource: Resource, name: ObjectName, options: CallOptions = {}): Promise<Scale> {
    return this.json<Scale>('GET', `${objectPath(resource, name)}/scale`, undefined, options);
  }

  updateScale(resource: Resource, scale: Scale, options: WriteOptions = {}): Promise<Scale> {
    return this.json<Scale>('PUT', `${objectPath(resource, scale.metadata ?? {})}/scale${writeQuery(options)}`, scale, options);
  }

  createToken(serviceAccount: ObjectName, spec: TokenRequest['spec'], options: CallOptions = {}): Promise<TokenRequest> {
    const request: TokenRequest = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec };
    return this.json<TokenRequest>('POST', `${objectPath(serviceAccounts, serviceAccount)}/token`, request, options);
  }

  /** A request by path, with a JSON body and a JSON answer: discovery and whatever has no method here. */
  async json<T>(method: ClientRequest['method'], target: string, body: unknown, options: SendOptions = noOptions): Promise<T> {
    const response = await this.send(method, target, body, options);
    return parseBody(response.body) as T;
  }

  /** As `json`, but the answer is left unparsed, for callers that do not need it. */
  async send(method: ClientRequest['method'], target: string, body: unknown, options: SendOptions = noOptions): Promise<ClientResponse> {
    const request = this.#request(method, target, body, options);
    const retries = options.retries ?? this.#retries;
    for (let attempt = 0; ; attempt++) {
      if (this.#bucket) await this.#turn(options.signal);
      const response = await this.transport.request(request);
      if (response.status < 400) return response;
      const waitMs = attempt < retries ? retryAfterMs(response) : undefined;
      if (waitMs === undefined) throw responseError(response);
      await this.clock.sleep(waitMs, options.signal);
    }
  }

  #request(method: ClientRequest['method'], target: string, body: unknown, options: SendOptions): ClientRequest {
    const contentType = body === undefined ? undefined : (options.contentType ?? acceptJson);
    return {
      method,
      target,
      headers: headersOf(this.#userAgent, options.accept ?? acceptJson, contentType),
      body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
      signal: options.signal,
      background: options.background ?? false,
    };
  }

  /** Waits for the limiter. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const waitMs = this.#bucket?.reserve() ?? 0;
    if (waitMs > 0) await this.clock.sleep(waitMs, signal);
  }
}

export interface SendOptions extends CallOptions {
  readonly accept?: string;
  readonly contentType?: string;
  readonly retries?: number;
}

/** `/api/v1/namespaces/x/pods`, or the collection across all namespaces. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  return resource.namespaced && namespace
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${resource.resource}`
    : `${root}/${resource.resource}`;
}

export function objectPath(resource: Resource, { namespace, name }: ObjectName): string {
  assert(name, `a name is needed to reach one of the ${resource.resource}`);
  assert(!resource.namespaced || namespace, `a namespace is needed to reach ${resource.resource} "${name}"`);
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}

function queryText(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  let text = '';
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === '') continue;
    text += `${text === '' ? '?' : '&'}${name}=${encodeURIComponent(value)}`;
  }
  return text;
}

function listQuery(options: WatchOptions, more: Record<string, string> = {}): string {
  return queryText({
    ...more,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    limit: options.limit,
    continue: options.continue,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
    allowWatchBookmarks: options.allowWatchBookmarks,
    sendInitialEvents: options.sendInitialEvents,
    timeoutSeconds: options.timeoutSeconds,
  });
}

function writeQuery(options: WriteOptions & { readonly force?: boolean }): string {
  const { force, fieldManager, dryRun, fieldValidation } = options;
  if (!force && fieldManager === undefined && !dryRun && fieldValidation === undefined) return '';
  return queryText({ force: force ? 'true' : undefined, fieldManager, dryRun: dryRun ? 'All' : undefined, fieldValidation });
}

/** The object with its apiVersion and kind, which the server asks for. */
function typed<T extends ApiObject>(resource: Resource<T>, object: T): T {
  if (object.apiVersion !== undefined && object.kind !== undefined) return object;
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function deleteBody(options: DeleteCallOptions): DeleteOptions {
  const { signal: _, background: __, ...body } = options;
  return { apiVersion: 'v1', kind: 'DeleteOptions', ...body };
}

function retryAfterMs(response: ClientResponse): number | undefined {
  if (response.status !== 429 && response.status !== 503) return undefined;
  const seconds = Number(response.headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}
