/**
 * The pod lifecycle event generator: the only source of what is known of pods.
 * It compares what the runtime lists with its table, asks for details of what
 * has changed, and tells of every pod that differs.
 *
 * Rounds follow each other; one looks at a single pod (after a call that changed
 * it, or at an event) or at all (the relist, once a second). Who asks while one
 * runs is served by the next, and all who wait by the same: so what has been
 * asked for is always answered by a look that began later, and a burst costs two
 * calls a round, whatever its size. An idle pod costs its line in the two lists.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { RuntimePod } from '../kubelet/runtime.ts';
import { containerState, runtimeService, sandboxReady } from './api.ts';
import type { Answer } from './api.ts';
import type { CriConnection } from './connection.ts';
import { isNotFound } from './connection.ts';
import { containerView, viewOf, type KnownContainer, type KnownPod, type KnownSandbox } from './known-pod.ts';
import { followRuntimeEvents, type RuntimeEvent } from './runtime-events.ts';
import { keptAnnotation, podLabel } from './sandbox-config.ts';
import { terminationMessage } from './termination-message.ts';

export interface PlegOptions {
  readonly connection: CriConnection;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In front of every container's id: `containerd`. */
  readonly runtimeName: string;
  /** Default 1000. */
  readonly relistMs?: number;
  /** Whether to listen to the runtime. Default true. */
  readonly events?: boolean;
}

/** An end is told some moments before the runtime itself says so, which has to clean up first: it is looked at again, ever less often. */
const lookAgainMs = 10;
const lookAgainMsMax = 50;
const looksMax = 20;
const relistBackoffMaxMs = 10_000;

interface Listed {
  readonly sandboxes: Answer<'PodSandbox'>[];
  readonly containers: Answer<'Container'>[];
}

const closed = new Error('the runtime is looked at no more');
const nothing: Listed = { sandboxes: [], containers: [] };

export class Pleg {
  readonly #options: PlegOptions;
  readonly #pods = new Map<string, KnownPod>();
  /** Pods by the ids of their sandboxes and containers. */
  readonly #owners = new Map<string, string>();
  readonly #listeners = new Set<(pod: RuntimePod) => void>();
  readonly #closing = new AbortController();
  /** What the next round has to look at. */
  #asked: { all: boolean; readonly pods: Set<string>; readonly done: PromiseWithResolvers<void> } | undefined;
  /** Containers whose details have changed without their state. */
  readonly #stale = new Set<string>();
  #running = false;
  #timer: Timer | undefined;
  #failures = 0;
  #lastRelistAtMs: number;

  constructor(options: PlegOptions) {
    this.#options = options;
    this.#lastRelistAtMs = options.clock.monotonic();
  }

  /** Begins to look; rejects where the runtime does not answer. */
  async start(): Promise<void> {
    await this.refresh();
    this.#armRelist();
    const { connection, clock, logger, events = true } = this.#options;
    if (events)
      void followRuntimeEvents({
        connection,
        clock,
        logger,
        signal: this.#closing.signal,
        onEvent: (event) => void this.#look(event),
        onGap: () => void this.refresh().catch(() => {}),
      });
  }

  close(): void {
    this.#closing.abort();
    this.#timer?.cancel();
    this.#listeners.clear();
  }

  subscribe(listener: (pod: RuntimePod) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get pods(): Iterable<KnownPod> {
    return this.#pods.values();
  }

  pod(uid: string): KnownPod | undefined {
    return this.#pods.get(uid);
  }

  /** The pod that a container belongs to. */
  ownerOf(id: string): KnownPod | undefined {
    return this.#pods.get(this.#owners.get(id) ?? '');
  }

  /** A container has been made. It is looked at when it has been started: until then there is nothing to tell. */
  made(id: string, uid: string): void {
    this.#owners.set(id, uid);
  }

  /** How long ago all pods were looked at with success. */
  get sinceRelistMs(): number {
    return this.#options.clock.monotonic() - this.#lastRelistAtMs;
  }

  /** Looks at a pod, or at all; resolves when everybody has been told. Rejects where the runtime does not answer. */
  refresh(uid?: string): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(closed);
    this.#asked ??= { all: false, pods: new Set(), done: Promise.withResolvers() };
    const { pods, done } = this.#asked;
    if (uid === undefined) this.#asked.all = true;
    else pods.add(uid);
    if (!this.#running) void this.#run();
    return done.promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#asked && !this.#closing.signal.aborted) {
      const { all, pods, done } = this.#asked;
      this.#asked = undefined;
      const [only] = all || pods.size > 1 ? [] : pods;
      try {
        await this.#round(only);
        done.resolve();
      } catch (error) {
        done.reject(error);
      }
    }
    this.#running = false;
    this.#asked?.done.reject(closed);
  }

  async #round(uid: string | undefined): Promise<void> {
    const { connection, clock } = this.#options;
    const filter = uid === undefined ? {} : { filter: { labelSelector: { [podLabel.uid]: uid } } };
    const [{ items }, { containers }] = await Promise.all([connection.call(runtimeService.listPodSandbox, filter), connection.call(runtimeService.listContainers, filter)]);
    const listed = group(items, containers);
    const looked = uid === undefined ? new Set([...this.#pods.keys(), ...listed.keys()]) : [uid];
    const changed = [...looked].filter((one) => this.#differs(this.#pods.get(one), listed.get(one) ?? nothing));
    await Promise.all(changed.map((one) => this.#update(one, listed.get(one) ?? nothing)));
    if (uid === undefined) this.#lastRelistAtMs = clock.monotonic();
  }

  #differs(known: KnownPod | undefined, { sandboxes, containers }: Listed): boolean {
    if (!known) return sandboxes.length + containers.length > 0;
    if (known.sandboxes.length !== sandboxes.length || known.containers.length !== containers.length) return true;
    return (
      sandboxes.some(({ id, state }) => known.sandboxes.find((one) => one.id === id)?.state !== state) ||
      containers.some(({ id, state }) => this.#stale.has(id) || known.containers.find((one) => one.id === id)?.state !== state)
    );
  }

  async #update(uid: string, { sandboxes, containers }: Listed): Promise<void> {
    const before = this.#pods.get(uid);
    const [nextSandboxes, nextContainers] = await Promise.all([
      Promise.all(sandboxes.map((one) => this.#sandbox(one, before?.sandboxes.find(({ id }) => id === one.id)))),
      Promise.all(containers.map((one) => this.#container(one, before?.containers.find(({ id }) => id === one.id)))),
    ]);
    const next = { sandboxes: byAge(nextSandboxes), containers: byAge(nextContainers) };
    const view = viewOf(uid, next);
    for (const { id } of [...(before?.sandboxes ?? []), ...(before?.containers ?? [])]) this.#owners.delete(id);
    for (const { id } of [...next.sandboxes, ...next.containers]) this.#owners.set(id, uid);
    if (next.sandboxes.length + next.containers.length > 0) this.#pods.set(uid, { ...next, view });
    else this.#forget(uid);
    for (const listener of this.#listeners) listener(view);
  }

  #forget(uid: string): void {
    this.#pods.delete(uid);
    // Also of what was made and never seen.
    for (const [id, owner] of this.#owners) if (owner === uid) this.#owners.delete(id);
  }

  /** Undefined: it has been removed meanwhile. */
  async #sandbox(listed: Answer<'PodSandbox'>, known: KnownSandbox | undefined): Promise<KnownSandbox | undefined> {
    if (known?.state === listed.state) return known;
    const { status } = await this.#options.connection.call(runtimeService.podSandboxStatus, { podSandboxId: listed.id }).catch(orGone);
    if (!status) return undefined;
    const { ip = '', additionalIps = [] } = status.network ?? {};
    const { id, state, createdAt, annotations, metadata } = listed;
    const { [keptAnnotation.hostname]: hostname = '', [keptAnnotation.logDirectory]: logDirectory = '', [keptAnnotation.cgroupParent]: cgroupParent = '' } = annotations;
    return { id, state, createdAt, hostname, logDirectory, cgroupParent, attempt: metadata?.attempt ?? 0, ips: ip === '' ? [] : [ip, ...additionalIps.map((one) => one.ip)] };
  }

  async #container(listed: Answer<'Container'>, known: KnownContainer | undefined): Promise<KnownContainer | undefined> {
    if (known?.state === listed.state && !this.#stale.has(listed.id)) return known;
    this.#stale.delete(listed.id);
    const { connection, clock, runtimeName } = this.#options;
    const { status } = await connection.call(runtimeService.containerStatus, { containerId: listed.id }).catch(orGone);
    if (!status) return undefined;
    const message = status.state === containerState.exited ? await terminationMessage(status, clock) : '';
    return { id: listed.id, state: listed.state, createdAt: listed.createdAt, logPath: status.logPath, view: containerView(status, listed.podSandboxId, runtimeName, message) };
  }

  async #look({ id, what }: RuntimeEvent): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    if (what === 'outOfMemory') this.#stale.add(id);
    const owner = this.ownerOf(id);
    for (let looks = 0; what === 'ended' && owner && looks < looksMax && (await this.#stillRuns(id, owner)); looks++) await clock.sleep(Math.min(lookAgainMs * (looks + 1), lookAgainMsMax), signal).catch(() => {});
    await this.refresh(owner?.view.uid).catch(() => {});
  }

  /** As the runtime says; one that does not answer is left to the relist. */
  async #stillRuns(id: string, owner: KnownPod): Promise<boolean> {
    const { connection } = this.#options;
    try {
      if (owner.sandboxes.some((one) => one.id === id)) return (await connection.call(runtimeService.podSandboxStatus, { podSandboxId: id })).status?.state === sandboxReady;
      return (await connection.call(runtimeService.containerStatus, { containerId: id })).status?.state === containerState.running;
    } catch {
      return false;
    }
  }

  #armRelist(): void {
    const { clock, logger, relistMs = 1000 } = this.#options;
    const delayMs = this.#failures === 0 ? relistMs : Math.min(relistMs * 2 ** Math.min(this.#failures, 10), relistBackoffMaxMs);
    this.#timer = clock.after(delayMs, () => {
      void this.refresh()
        .then(
          () => {
            if (this.#failures > 0) logger.info('the container runtime answers again');
            this.#failures = 0;
          },
          (error: unknown) => {
            if (this.#failures++ === 0) logger.warn('the container runtime does not answer', { error });
          },
        )
        .then(() => {
          if (!this.#closing.signal.aborted) this.#armRelist();
        });
    });
  }
}

function orGone(error: unknown): { readonly status: null } {
  if (isNotFound(error)) return { status: null };
  throw error;
}

function byAge<T extends { readonly createdAt: number }>(entries: readonly (T | undefined)[]): T[] {
  return entries.filter((one) => one !== undefined).toSorted((a, b) => a.createdAt - b.createdAt);
}

/** By the pods' uids. A container without its sandbox is being removed with it. */
function group(sandboxes: readonly Answer<'PodSandbox'>[], containers: readonly Answer<'Container'>[]): Map<string, Listed> {
  const pods = new Map<string, Listed>();
  const bySandbox = new Map<string, Listed>();
  for (const sandbox of sandboxes) {
    const uid = sandbox.metadata?.uid ?? '';
    let pod = pods.get(uid);
    if (!pod) pods.set(uid, (pod = { sandboxes: [], containers: [] }));
    pod.sandboxes.push(sandbox);
    bySandbox.set(sandbox.id, pod);
  }
  for (const container of containers) bySandbox.get(container.podSandboxId)?.containers.push(container);
  return pods;
}
