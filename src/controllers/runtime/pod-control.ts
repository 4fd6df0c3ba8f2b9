/** Creates and deletes pods for an owner, and says so in events about it. */
import { apiError, ApiError } from '../../api/errors.ts';
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import type { ApiObject } from '../../client/resource.ts';
import { pods } from '../../client/resources.ts';
import { controllerReference } from './owner.ts';

/** The pod that a template describes. The server gives it a name unless `name` is set. */
export function podFromTemplate(template: PodTemplateSpec, owner: ApiObject, name?: string): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(name ? { name } : { generateName: podNamePrefix(owner.metadata.name ?? '') }),
      namespace: owner.metadata.namespace,
      labels: { ...labels },
      annotations: { ...annotations },
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    spec: template.spec ?? { containers: [] },
  };
}

/** `name-`, or the name alone where that would no longer be a valid name. */
export function podNamePrefix(ownerName: string): string {
  return ownerName.length < 253 ? `${ownerName}-` : ownerName;
}

export class PodControl {
  readonly #client: Client;
  readonly #recorder: EventRecorder;

  constructor(client: Client, recorder: EventRecorder) {
    this.#client = client;
    this.#recorder = recorder;
  }

  async create(owner: ApiObject, pod: Pod, signal: AbortSignal): Promise<Pod> {
    try {
      const created = await this.#client.create(pods, pod, { signal });
      this.#recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
      return created;
    } catch (error) {
      // A namespace that goes away needs no event in it, nor would it take one.
      if (!signal.aborted && !isNamespaceTerminating(error)) this.#recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  /** A pod that is gone already counts as not deleted here: throws 404, so that nobody waits to see it go. */
  async delete(owner: ApiObject, pod: Pod, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.delete(pods, pod.metadata, { preconditions: { uid: pod.metadata.uid }, signal });
      this.#recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
    } catch (error) {
      if (error instanceof ApiError && error.code === 409) throw apiError(404, 'NotFound', 'another pod has the name now');
      if (!signal.aborted && !isNotFound(error)) this.#recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
      throw error;
    }
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
