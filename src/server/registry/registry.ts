/**
 * The typed store: what every resource's create and update has in common.
 * Objects come and go in their storage version; `http/` converts.
 *
 * An update is optimistic: read the current object from the watch cache, change
 * it, commit on the condition that nobody else was faster; a lost race starts
 * again with what the store then has. Objects read from here are parsed afresh
 * for the caller, who may keep and change them.
 */
import type { Catalogue, ResourceInfo } from '../../api/catalogue.ts';
import { applyDefaults } from '../../api/defaulting/defaulters.ts';
import * as errors from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import { goQuote } from '../../api/validation/go-format.ts';
import { validateCreate, validateUpdate } from '../../api/validation/validators.ts';
import type { Clock } from '../../base/clock.ts';
import { formatTime } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { decodeUtf8 } from '../../base/bytes.ts';
import { cutManagedFields } from '../../codec/managed-fields-text.ts';
import type { CommitResult, KeyValue, Revision, Store } from '../../storage/contract.ts';
import type { AdmissionRequest, Operation } from '../admission/contract.ts';
import type { RequestAttributes } from '../access/contract.ts';
import { encodeForStorage, spliceResourceVersion } from '../watchcache/encoding.ts';
import { indexHintOf } from '../watchcache/index-hint.ts';
import { equalObjects } from './equality.ts';
import { Leases } from './leases.ts';
import { clientEntries } from './managed-fields/client-entries.ts';
import { ManagedFields } from './managed-fields/managed-fields.ts';
import { trackRequest } from './managed-fields/track-request.ts';
import { trackChange, type Writer } from './managed-fields/track.ts';
import { defaultPrepareForCreate, defaultPrepareForUpdate } from './default-strategy.ts';
import type { Strategy, StrategyContext } from './strategy.ts';

/** Who changes what, and how: one a request. */
export interface ChangeContext extends StrategyContext {
  readonly attributes: RequestAttributes;
  readonly writer: Writer;
  /** The request's CreateOptions, UpdateOptions, PatchOptions or DeleteOptions. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** An object as it stands in the store. */
export interface Stored {
  /** Without its managedFields. */
  readonly object: KubeObject;
  readonly managed: ManagedFields;
  readonly revision: Revision;
}

/** A race that was lost: what stands there now, and when others may hear of it (see CommitResult). */
export interface Lost {
  readonly current: Stored | undefined;
  readonly settled: Promise<void>;
}

/** What an update makes of an object. */
export interface Changed {
  readonly object: KubeObject;
  /** Who owns what of it. Left out: what the managedFields in the object and the change itself say. */
  readonly managed?: ManagedFields;
}

/** The outcome of a write, as the client gets it. */
export interface Written {
  /** JSON in the storage version, with the new resourceVersion. */
  readonly bytes: Uint8Array;
  /** Without its managedFields. */
  readonly object: KubeObject;
  readonly revision: Revision;
  readonly created: boolean;
  /** The update took away the last thing that a deletion waited for. */
  readonly deleted: boolean;
}

/** An object and who owns what of it. */
type Owned = Pick<Stored, 'object' | 'managed'>;

export interface AdmissionChain {
  mutate(request: AdmissionRequest): void | Promise<void>;
  validate(request: AdmissionRequest): void | Promise<void>;
}

/** What the registry needs of the caches: the bytes of an object, or undefined. */
export interface CurrentReader {
  read(resource: ResourceInfo, namespace: string, name: string): { readonly bytes: Uint8Array; readonly revision: Revision } | undefined;
}

export interface RegistryParts {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly current: CurrentReader;
  readonly admission: AdmissionChain;
  readonly strategyFor: (resource: ResourceInfo) => Strategy;
  readonly clock: Clock;
  readonly random: Random;
}

/** As whom the server writes what is its own. */
export const ownManager = 'kube-apiserver';

/** An update that loses so many races in a row has met a bug or a storm; the client may try again. */
const attemptsMax = 64;

export class Registry {
  readonly parts: RegistryParts;
  readonly #leases: Leases;

  constructor(parts: RegistryParts) {
    this.parts = parts;
    this.#leases = new Leases(parts.store, parts.clock);
  }

  /** The object now, or undefined. Asks the store where the cache has nothing: it may not have caught up. */
  async get(resource: ResourceInfo, namespace: string, name: string): Promise<Stored | undefined> {
    const cached = this.parts.current.read(resource, namespace, name);
    if (cached) return storedOf(cached.bytes, cached.revision);
    return fromKeyValue(await this.parts.store.get(keyOf(resource, namespace, name)));
  }

  async mustGet(resource: ResourceInfo, namespace: string, name: string): Promise<Stored> {
    const found = await this.get(resource, namespace, name);
    if (!found) throw errors.notFound(subjectOf(resource, name));
    return found;
  }

  /** Stores a new object. It must be in the storage version, decoded and defaulted. `owned` is who owns what of it where that is known already. */
  async create(resource: ResourceInfo, object: KubeObject, context: ChangeContext, owned?: ManagedFields): Promise<Written> {
    const strategy = this.parts.strategyFor(resource);
    const { metadata } = object;
    if (resource.namespaced) metadata.namespace = context.namespace;
    else delete metadata.namespace;
    delete metadata.deletionTimestamp;
    delete metadata.deletionGracePeriodSeconds;
    delete metadata.selfLink;
    const managed = owned ?? trackRequest(this.parts.catalogue, { stored: resource, old: undefined, object }, ManagedFields.none, context);
    metadata.uid = this.parts.random.uuid();
    metadata.creationTimestamp = formatTime(context.now);
    const generated = !metadata.name && !!metadata.generateName;
    if (generated) metadata.name = `${(metadata.generateName as string).slice(0, 58)}${this.parts.random.suffix(5)}`;

    const request = this.#admissionRequest('CREATE', resource, metadata.name ?? '', object, undefined, context);
    const mutation = this.parts.admission.mutate(request);
    if (mutation) await mutation;
    applyDefaults(resource.group, resource.version, resource.kind, object);
    defaultPrepareForCreate(object, strategy);
    strategy.prepareForCreate?.(object, context);
    const wrong = validateCreate(resource, object, context.attributes.group);
    if (wrong.length) throw errors.invalid(resource.group, resource.kind, metadata.name ?? '', wrong);
    for (const warning of strategy.warnings?.(object, undefined) ?? []) context.warn(warning);
    const admitted = this.parts.admission.validate(request);
    if (admitted) await admitted;

    const undo = await strategy.allocate?.(object, undefined, context);
    try {
      if (context.dryRun) {
        if (await this.get(resource, context.namespace, metadata.name as string)) throw errors.alreadyExists(subjectOf(resource, metadata.name as string));
        undo?.();
        return { bytes: encodeForStorage(object, managed.text), object, revision: 0, created: true, deleted: false };
      }
      return await this.#commitCreate(resource, object, managed, strategy, generated);
    } catch (error) {
      undo?.();
      throw error;
    }
  }

  async #commitCreate(resource: ResourceInfo, object: KubeObject, managed: ManagedFields, strategy: Strategy, generated: boolean): Promise<Written> {
    const name = object.metadata.name as string;
    const bytes = encodeForStorage(object, managed.text);
    const lease = strategy.timeToLiveSeconds === undefined ? undefined : await this.#leases.of(strategy.timeToLiveSeconds);
    const result = await this.parts.store.commit({
      key: keyOf(resource, object.metadata.namespace ?? '', name),
      expected: 0,
      value: bytes,
      hint: indexHintOf(resource, object),
      ...(lease === undefined ? {} : { lease }),
    });
    if (result.outcome === 'conflict') {
      await result.settled;
      if (generated) throw generatedNameTaken(resource, name);
      throw errors.alreadyExists(subjectOf(resource, name));
    }
    object.metadata.resourceVersion = String(result.revision);
    return { bytes: spliceResourceVersion(bytes, result.revision), object, revision: result.revision, created: true, deleted: false };
  }

  /**
   * Changes an object. `change` gets the current one, must not alter it, and
   * returns what it shall be, which may share parts with it; it is called again
   * after each lost race. A resourceVersion in what it returns makes the update
   * conditional on it; an internal change leaves it out.
   */
  async update(
    resource: ResourceInfo,
    name: string,
    change: (current: Stored) => Changed | Promise<Changed>,
    context: ChangeContext,
    options: { readonly isReplacement?: boolean } = {},
  ): Promise<Written> {
    const strategy = this.parts.strategyFor(resource);
    return this.optimistically(resource, name, context.namespace, async (stored) => {
      const old = stored.object;
      old.metadata.resourceVersion = String(stored.revision);
      const wanted = await change(stored);
      const object = { ...wanted.object, metadata: { ...wanted.object.metadata } };
      const conditional = checkIdentity(resource, object, old, options.isReplacement);
      if (!conditional && options.isReplacement && strategy.allowUnconditionalUpdate === false) throw unversioned(resource, name);
      keepServerFields(object, old);
      applyDefaults(resource.group, resource.version, resource.kind, object);
      const managed = wanted.managed ?? trackRequest(this.parts.catalogue, { stored: resource, old, object }, stored.managed, context);
      await this.#prepareUpdate(resource, strategy, object, old, context);
      const outcome = await this.#commitChange(resource, strategy, name, stored, { object, managed }, context);
      if (conditional && 'lost' in outcome) {
        await outcome.lost.settled;
        throw errors.conflict(subjectOf(resource, name), errors.staleObject);
      }
      return outcome;
    });
  }

  /** What the change allocated goes back unless it was committed. */
  async #commitChange(resource: ResourceInfo, strategy: Strategy, name: string, stored: Stored, next: Owned, context: ChangeContext): Promise<{ done: Written } | { lost: Lost }> {
    if (finishesDeletion(next.object, stored.object, strategy)) return this.removeIfUnchanged(resource, name, stored, context, next);
    const undo = await strategy.allocate?.(next.object, stored.object, context);
    if (!undo) return this.writeIfUnchanged(resource, name, stored, next, context);
    try {
      const outcome = await this.writeIfUnchanged(resource, name, stored, next, context);
      if ('lost' in outcome || context.dryRun) undo();
      return outcome;
    } catch (error) {
      undo();
      throw error;
    }
  }

  /**
   * The loop of every change: `attempt` decides on the object as it stands and
   * commits on the condition that it still stands so; after a lost race it is
   * called again with what it lost against, durable or not. Whatever comes of
   * that is told only when it is.
   */
  async optimistically<T>(resource: ResourceInfo, name: string, namespace: string, attempt: (stored: Stored) => Promise<{ readonly done: T } | { readonly lost: Lost }>): Promise<T> {
    let stored = await this.get(resource, namespace, name);
    let settled: Promise<void> | undefined;
    try {
      for (let attempts = 0; attempts < attemptsMax; attempts++) {
        if (!stored) throw errors.notFound(subjectOf(resource, name));
        const outcome = await attempt(stored);
        if ('done' in outcome) return outcome.done;
        ({ current: stored, settled } = outcome.lost);
      }
      throw tooManyRaces(resource, name);
    } finally {
      await settled;
    }
  }

  /**
   * A change of the server's own making (binding, eviction, quota's usage): no
   * admission, no validation, no strategy, and nobody comes to own anything.
   * `change` returns a new object, or undefined to leave it as it is; it throws
   * to refuse.
   */
  async amend(
    resource: ResourceInfo,
    name: string,
    change: (current: KubeObject) => KubeObject | undefined,
    context: Pick<ChangeContext, 'namespace' | 'dryRun'>,
  ): Promise<Written> {
    return this.optimistically(resource, name, context.namespace, (stored) =>
      this.writeIfUnchanged(resource, name, stored, { object: change(stored.object) ?? stored.object, managed: stored.managed }, context),
    );
  }

  async #prepareUpdate(resource: ResourceInfo, strategy: Strategy, object: KubeObject, old: KubeObject, context: ChangeContext): Promise<void> {
    const { subresource } = context.attributes;
    const request = this.#admissionRequest('UPDATE', resource, old.metadata.name ?? '', object, old, context);
    const mutation = this.parts.admission.mutate(request);
    if (mutation) await mutation;
    defaultPrepareForUpdate(object, old, subresource, strategy, resource);
    strategy.prepareForUpdate?.(object, old, subresource, context);
    const wrong = validateUpdate(resource, object, old, subresource, context.attributes.group);
    if (wrong.length) throw errors.invalid(resource.group, resource.kind, old.metadata.name ?? '', wrong);
    for (const warning of strategy.warnings?.(object, old) ?? []) context.warn(warning);
    const admitted = this.parts.admission.validate(request);
    if (admitted) await admitted;
  }

  /** Replaces the object on the condition that it still is as `stored`: no admission, no validation. */
  async writeIfUnchanged(resource: ResourceInfo, name: string, stored: Stored, { object, managed }: Owned, context: Pick<ChangeContext, 'namespace' | 'dryRun'>): Promise<{ done: Written } | { lost: Lost }> {
    const strategy = this.parts.strategyFor(resource);
    object.metadata.resourceVersion = String(stored.revision);
    // What changes nothing is not written: no revision, no event. Nor is it a change that someone has set a field to what it was.
    const unchanged = managed.equalsButTimes(stored.managed) && equalObjects(object, stored.object);
    if (context.dryRun || unchanged) {
      const bytes = spliceResourceVersion(encodeForStorage(object, (unchanged ? stored.managed : managed).text), stored.revision);
      return { done: { bytes, object, revision: stored.revision, created: false, deleted: false } };
    }
    const bytes = encodeForStorage(object, managed.text);
    const lease = strategy.timeToLiveSeconds === undefined ? undefined : await this.#leases.of(strategy.timeToLiveSeconds);
    const result = await this.parts.store.commit({
      key: keyOf(resource, context.namespace, name),
      expected: stored.revision,
      value: bytes,
      hint: indexHintOf(resource, object),
      ...(lease === undefined ? {} : { lease }),
    });
    if (result.outcome === 'conflict') return { lost: lostTo(result) };
    object.metadata.resourceVersion = String(result.revision);
    return {
      done: { bytes: spliceResourceVersion(bytes, result.revision), object, revision: result.revision, created: false, deleted: false },
    };
  }

  /** Removes the object on the condition that it still is as `stored`; what is given last is its last state, for the answer. */
  async removeIfUnchanged(resource: ResourceInfo, name: string, stored: Stored, context: Pick<ChangeContext, 'namespace' | 'dryRun'>, { object, managed }: Owned = stored): Promise<{ done: Written } | { lost: Lost }> {
    let { revision } = stored;
    if (!context.dryRun) {
      const result = await this.parts.store.commit({
        key: keyOf(resource, context.namespace, name),
        expected: stored.revision,
        value: undefined,
      });
      if (result.outcome === 'conflict') return { lost: lostTo(result) };
      revision = result.revision;
      this.parts.strategyFor(resource).release?.(object);
    }
    const bytes = spliceResourceVersion(encodeForStorage(object, managed.text), revision);
    object.metadata.resourceVersion = String(revision);
    return { done: { bytes, object, revision, created: false, deleted: true } };
  }

  /** Writes a complete object of the server's own where there is none of that name: no admission, no validation. */
  async install(resource: ResourceInfo, object: KubeObject, manager = ownManager): Promise<void> {
    const { metadata } = object;
    const now = this.parts.clock.now();
    const complete = { ...object, metadata: { ...metadata, uid: this.parts.random.uuid(), creationTimestamp: formatTime(now) } };
    const writer = { manager, resource, subresource: '' };
    const managed = trackChange(this.parts.catalogue, { stored: resource, old: undefined, object: complete }, ManagedFields.none, writer, now);
    await this.parts.store.commit({
      key: keyOf(resource, metadata.namespace ?? '', metadata.name ?? ''),
      expected: 0,
      value: encodeForStorage(complete, managed.text),
      hint: indexHintOf(resource, complete),
    });
  }

  /** Removes an object of the server's own, whatever it holds. */
  async uninstall(resource: ResourceInfo, namespace: string, name: string): Promise<void> {
    await this.parts.store.commit({ key: keyOf(resource, namespace, name), expected: undefined, value: undefined });
  }

  async admit(operation: Operation, resource: ResourceInfo, name: string, object: KubeObject | undefined, old: KubeObject | undefined, context: ChangeContext): Promise<void> {
    const request = this.#admissionRequest(operation, resource, name, object, old, context);
    await this.parts.admission.mutate(request);
    await this.parts.admission.validate(request);
  }

  #admissionRequest(
    operation: Operation,
    resource: ResourceInfo,
    name: string,
    object: KubeObject | undefined,
    oldObject: KubeObject | undefined,
    context: ChangeContext,
  ): AdmissionRequest {
    return {
      operation,
      attributes: context.attributes,
      resource,
      namespace: context.namespace,
      name,
      object,
      oldObject,
      options: context.options,
      dryRun: context.dryRun,
      warn: (message) => context.warn(message),
    };
  }
}

/** Where an object is kept. */
export function keyOf(resource: ResourceInfo, namespace: string, name: string): string {
  return resource.namespaced ? `${resource.storagePrefix}${namespace}/${name}` : resource.storagePrefix + name;
}

export function subjectOf(resource: ResourceInfo, name: string): errors.StatusSubject {
  return { group: resource.group, kind: resource.resource, name };
}

/** The rules of uid and resourceVersion in what a client sent. True: the update is conditional. */
function checkIdentity(resource: ResourceInfo, object: KubeObject, old: KubeObject, isReplacement = false): boolean {
  const subject = subjectOf(resource, old.metadata.name ?? '');
  const { uid, resourceVersion } = object.metadata;
  if (uid && uid !== old.metadata.uid && !isReplacement) throw otherUid(resource, uid, old);
  if (uid && uid !== old.metadata.uid)
    throw errors.conflict(subject, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid ?? ''}`);
  if (!resourceVersion || resourceVersion === '0') return false;
  if (!/^\d+$/.test(resourceVersion)) throw errors.apiError(500, '', `strconv.ParseUint: parsing ${goQuote(resourceVersion)}: invalid syntax`);
  if (resourceVersion !== old.metadata.resourceVersion) throw errors.conflict(subject, errors.staleObject);
  return true;
}

/** A patch makes another object of it, which validation refuses; upstream validates metadata twice, and says so. */
function otherUid(resource: ResourceInfo, uid: string, old: KubeObject): errors.ApiError {
  const wrong = { reason: 'FieldValueInvalid', field: 'metadata.uid', message: `Invalid value: ${goQuote(uid)}: field is immutable` } as const;
  return errors.invalid(resource.group, resource.kind, old.metadata.name ?? '', [wrong, wrong]);
}

function unversioned(resource: ResourceInfo, name: string): errors.ApiError {
  return errors.invalid(resource.group, resource.kind, name, [
    { reason: 'FieldValueInvalid', field: 'metadata.resourceVersion', message: 'Invalid value: 0: must be specified for an update' },
  ]);
}

export function tooManyRaces(resource: ResourceInfo, name: string): errors.ApiError {
  return errors.tooManyRequests(`too many concurrent changes of ${resource.resource} "${name}"`, 1);
}

function lostTo({ current, settled }: CommitResult & { readonly outcome: 'conflict' }): Lost {
  return { current: fromKeyValue(current), settled };
}

function fromKeyValue(found: KeyValue | undefined): Stored | undefined {
  if (!found) return undefined;
  const stored = storedOf(found.value, found.modRevision);
  stored.object.metadata.resourceVersion = String(found.modRevision);
  return stored;
}

function storedOf(bytes: Uint8Array, revision: Revision): Stored {
  const { rest, managedFields } = cutManagedFields(decodeUtf8(bytes));
  const object = JSON.parse(rest) as KubeObject;
  const { metadata } = object;
  if (metadata.managedFields === undefined) return { object, managed: ManagedFields.parse(managedFields), revision };
  // Bytes of another author: they may have them anywhere.
  const managed = clientEntries(metadata.managedFields) ?? ManagedFields.none;
  delete metadata.managedFields;
  return { object, managed, revision };
}

/** What only the server says; a client's word for it is not heard. */
function keepServerFields(object: KubeObject, old: KubeObject): void {
  const { metadata } = object;
  const before = old.metadata;
  metadata.name ??= before.name;
  metadata.namespace = before.namespace;
  metadata.uid = before.uid;
  metadata.resourceVersion = before.resourceVersion;
  metadata.creationTimestamp = before.creationTimestamp;
  metadata.deletionTimestamp = before.deletionTimestamp;
  metadata.deletionGracePeriodSeconds = before.deletionGracePeriodSeconds;
  metadata.generation = before.generation;
  metadata.generateName = before.generateName;
  delete metadata.selfLink;
}

/** The last reason to stay goes with this update. */
function finishesDeletion(object: KubeObject, old: KubeObject, strategy: Strategy): boolean {
  if (old.metadata.deletionTimestamp === undefined || old.metadata.deletionGracePeriodSeconds) return false;
  const stays = (one: KubeObject) => !!one.metadata.finalizers?.length || (strategy.holds?.(one) ?? false);
  return stays(old) && !stays(object);
}

function generatedNameTaken(resource: ResourceInfo, name: string): errors.ApiError {
  const error = errors.alreadyExists(subjectOf(resource, name));
  return errors.apiError(409, 'AlreadyExists', `${error.message}, the server was not able to generate a unique name for the object`, {
    ...error.status.details,
    retryAfterSeconds: 1,
  });
}
