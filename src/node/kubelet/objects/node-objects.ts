/**
 * The API objects that the pods of one node use: ConfigMaps and Secrets, each
 * followed from the first read for a pod until its last user is released, and
 * the Services, followed from the first read on. What is read is shared: nobody
 * may change it.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Random } from '../../../base/random.ts';
import type { ConfigMap, Secret, Service } from '../../../api/types/core-v1.ts';
import type { Client } from '../../../client/client.ts';
import { configMaps, secrets } from '../../../client/resources.ts';
import { FollowedObjects } from './followed-objects.ts';
import { FollowedServices } from './followed-services.ts';

export interface NodeObjectsOptions {
  /** Acts as the node. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class NodeObjects {
  readonly #options: NodeObjectsOptions;
  readonly #configMaps: FollowedObjects<ConfigMap>;
  readonly #secrets: FollowedObjects<Secret>;
  readonly #listeners = new Set<(podUid: string) => void>();
  #services: FollowedServices | undefined;

  constructor(options: NodeObjectsOptions) {
    const changed = (podUid: string) => this.#listeners.forEach((listener) => listener(podUid));
    this.#options = options;
    this.#configMaps = new FollowedObjects(configMaps, options, changed);
    this.#secrets = new FollowedObjects(secrets, options, changed);
    options.signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** Undefined: there is none. From now on the pod hears of its changes. Rejects with ApiError and what transports throw. */
  configMap(namespace: string, name: string, podUid: string): Promise<ConfigMap | undefined> {
    return this.#configMaps.read(namespace, name, podUid);
  }

  /** As `configMap`. */
  secret(namespace: string, name: string, podUid: string): Promise<Secret | undefined> {
    return this.#secrets.read(namespace, name, podUid);
  }

  /** Those of the namespace; waits until they have been listed once. */
  services(namespace: string): Promise<readonly Service[]> {
    this.#services ??= new FollowedServices(this.#options);
    return this.#services.of(namespace);
  }

  /** Tells of pods one of whose ConfigMaps or Secrets came, changed or went. Returns how to stop listening. */
  subscribe(listener: (podUid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The pod uses nothing any more. PodSetup calls it once the pod's volumes are gone too. */
  release(podUid: string): void {
    this.#configMaps.release(podUid);
    this.#secrets.release(podUid);
  }

  #close(): void {
    this.#configMaps.close();
    this.#secrets.close();
  }
}
