/**
 * One API object, kept up to date by a watch of its own: a node may read no more
 * than what its pods refer to.
 */
import { isNotFound } from '../../../client/failure.ts';
import { Reflector } from '../../../client/reflector.ts';
import type { ApiObject, Resource } from '../../../client/resource.ts';
import type { NodeObjectsOptions } from './node-objects.ts';

interface MaybeImmutable extends ApiObject {
  immutable?: boolean | undefined;
}

export class FollowedObject<T extends MaybeImmutable> {
  readonly #resource: Resource<T>;
  readonly #name: { readonly namespace: string; readonly name: string };
  readonly #client: NodeObjectsOptions['client'];
  readonly #onChange: () => void;
  readonly #stop = new AbortController();
  #object: T | undefined;
  /** The watch has told what there is, so there is no need to ask. */
  #followed = false;

  constructor(resource: Resource<T>, name: { readonly namespace: string; readonly name: string }, options: NodeObjectsOptions, onChange: () => void) {
    const { client, clock, random, logger } = options;
    this.#resource = resource;
    this.#name = name;
    this.#client = client;
    this.#onChange = onChange;
    const reflector = new Reflector<T>(
      client,
      resource,
      {
        replace: ([object]) => {
          this.#followed = true;
          this.#set(object);
        },
        apply: (events) => {
          const last = events.at(-1);
          if (last) this.#set(last.type === 'DELETED' ? undefined : last.object);
        },
      },
      { clock, random, logger, namespace: name.namespace, fieldSelector: `metadata.name=${name.name}` },
    );
    void reflector.run(this.#stop.signal);
  }

  /** Undefined: there is none. Rejects with what a read of it says otherwise. */
  async read(): Promise<T | undefined> {
    if (this.#followed) return this.#object;
    try {
      const object = await this.#client.get(this.#resource, this.#name, { signal: this.#stop.signal });
      if (!this.#followed) this.#object = object;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return this.#object;
  }

  close(): void {
    this.#stop.abort();
  }

  #set(object: T | undefined): void {
    const same = object?.metadata.resourceVersion === this.#object?.metadata.resourceVersion;
    this.#object = object;
    // It can only go, and its pods keep what they have: nothing is left to follow.
    if (object?.immutable) this.close();
    if (!same) this.#onChange();
  }
}
