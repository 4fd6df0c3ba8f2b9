/**
 * Runs the pods of the manifest folder, and shows each in the API as a mirror
 * pod: one that says of itself that it is only a picture. The picture is made
 * again where somebody deletes it, replaced where it shows an earlier pod, and
 * removed with its pod.
 */
import type { Pod } from '../../../api/types/core-v1.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Client } from '../../../client/client.ts';
import { objectPath } from '../../../client/client.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../../client/failure.ts';
import { nodes, pods as podResource } from '../../../client/resources.ts';
import { hashAnnotation, mirrorAnnotation, sourceAnnotation } from './managed-node.ts';

export interface StaticPodsHost {
  readonly name: string;
  readonly client: Client;
  readonly logger: Logger;
  /** The static pods that have workers, whatever their state. */
  statics(): readonly Pod[];
  run(pod: Pod): void;
  /** Ends the pod in its own time; `onGone` follows. */
  end(pod: Pod): void;
}

export class StaticPods {
  readonly #host: StaticPodsHost;
  #wanted: readonly Pod[] = [];
  /** By full name. */
  readonly #mirrors = new Map<string, Pod>();
  #nodeUid: string | undefined;

  constructor(host: StaticPodsHost) {
    this.#host = host;
  }

  /** All pods that the folder asks for now. */
  set(wanted: readonly Pod[]): void {
    this.#wanted = wanted;
    this.reconcile();
  }

  /** Two pods of one name never run at once: the next begins when the last is gone. */
  reconcile(): void {
    const running = this.#host.statics();
    for (const pod of running) if (!this.#wanted.some(({ metadata }) => metadata.uid === pod.metadata.uid)) this.#host.end(pod);
    for (const pod of this.#wanted) if (!running.some((other) => fullName(other) === fullName(pod))) this.#host.run(pod);
  }

  /** The API has a mirror pod of this node. Returns the static pod as it is shown, where that is what it shows. */
  onMirror(mirror: Pod): Pod | undefined {
    this.#mirrors.set(fullName(mirror), mirror);
    const pod = this.#host.statics().find((one) => fullName(one) === fullName(mirror));
    if (pod && shows(mirror, pod) && !mirror.metadata.deletionTimestamp) return { ...pod, status: mirror.status };
    void this.#delete(mirror);
    return undefined;
  }

  onMirrorGone(mirror: Pod): void {
    const name = fullName(mirror);
    if (this.#mirrors.get(name)?.metadata.uid === mirror.metadata.uid) this.#mirrors.delete(name);
    const pod = this.#host.statics().find((one) => fullName(one) === name);
    if (pod && !pod.metadata.deletionTimestamp) void this.#create(pod).catch((error: unknown) => this.#host.logger.warn('making a mirror pod failed', { pod: name, error }));
  }

  /** The API has been listed: mirrors that are not there any more are gone. */
  onMirrors(all: readonly Pod[]): void {
    for (const known of this.#mirrors.values()) if (!all.some(({ metadata }) => metadata.uid === known.metadata.uid)) this.onMirrorGone(known);
  }

  /** Rejects where there is no mirror to write to; the writer tries again. */
  async patchStatus(pod: Pod, patch: Readonly<Record<string, unknown>>): Promise<void> {
    const mirror = this.#mirrors.get(fullName(pod)) ?? (await this.#create(pod));
    if (!shows(mirror, pod)) throw new Error('the mirror pod still shows an earlier pod of that name');
    try {
      const body = { metadata: { uid: mirror.metadata.uid }, status: patch };
      await this.#host.client.send('PATCH', `${objectPath(podResource, mirror.metadata)}/status`, body, { contentType: 'application/strategic-merge-patch+json' });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
      // To the pod's worker that would mean that nobody wants the pod.
      this.#mirrors.delete(fullName(pod));
      throw new Error('the mirror pod is gone', { cause: error });
    }
  }

  /** The static pod has ended for good. */
  async remove(pod: Pod): Promise<void> {
    const mirror = this.#mirrors.get(fullName(pod));
    if (mirror) await this.#delete(mirror);
  }

  async #create(pod: Pod): Promise<Pod> {
    const { client, name } = this.#host;
    this.#nodeUid ??= (await client.get(nodes, { name })).metadata.uid ?? '';
    const { uid, annotations, labels, namespace } = pod.metadata;
    const picture: Pod = {
      metadata: {
        name: pod.metadata.name,
        namespace,
        ...(labels ? { labels } : {}),
        annotations: { ...annotations, [mirrorAnnotation]: annotations?.[hashAnnotation] ?? uid ?? '' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: this.#nodeUid, controller: true }],
      },
      spec: pod.spec,
    };
    try {
      const made = await client.create(podResource, picture);
      this.#mirrors.set(fullName(made), made);
      return made;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const found = await client.get(podResource, { namespace, name: pod.metadata.name });
      this.#mirrors.set(fullName(found), found);
      if (!shows(found, pod)) await this.#delete(found);
      return found;
    }
  }

  async #delete(mirror: Pod): Promise<void> {
    const { uid } = mirror.metadata;
    await this.#host.client.delete(podResource, mirror.metadata, { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }) }).catch((error: unknown) => {
      if (!isNotFound(error) && !isConflict(error)) this.#host.logger.warn('deleting a mirror pod failed', { pod: fullName(mirror), error });
    });
  }
}

function fullName({ metadata }: Pod): string {
  return `${metadata.name}_${metadata.namespace}`;
}

function shows(mirror: Pod, pod: Pod): boolean {
  return mirror.metadata.annotations?.[mirrorAnnotation] === pod.metadata.annotations?.[hashAnnotation];
}

export function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.[mirrorAnnotation] !== undefined;
}

/** Of this machine's own folder, whatever the API says. */
export function isStatic(pod: Pod): boolean {
  const source = pod.metadata.annotations?.[sourceAnnotation];
  return source !== undefined && source !== 'api' && !isMirror(pod);
}
