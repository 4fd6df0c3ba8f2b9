/** The objects of one kind that pods of the node use: each is followed from its first read until its last user is released. */
import type { ApiObject, Resource } from '../../../client/resource.ts';
import { FollowedObject } from './followed-object.ts';
import type { NodeObjectsOptions } from './node-objects.ts';

interface Used<T extends ApiObject> {
  readonly object: FollowedObject<T>;
  /** Uids of pods. */
  readonly users: Set<string>;
}

export class FollowedObjects<T extends ApiObject> {
  readonly #resource: Resource<T>;
  readonly #options: NodeObjectsOptions;
  readonly #onChange: (podUid: string) => void;
  /** By namespace and name. */
  readonly #used = new Map<string, Used<T>>();

  /** `onChange` is called for each pod that uses what has changed. */
  constructor(resource: Resource<T>, options: NodeObjectsOptions, onChange: (podUid: string) => void) {
    this.#resource = resource;
    this.#options = options;
    this.#onChange = onChange;
  }

  read(namespace: string, name: string, podUid: string): Promise<T | undefined> {
    const key = `${namespace}/${name}`;
    let used = this.#used.get(key);
    if (!used) {
      const users = new Set<string>();
      const changed = () => users.forEach((user) => this.#onChange(user));
      used = { object: new FollowedObject(this.#resource, { namespace, name }, this.#options, changed), users };
      this.#used.set(key, used);
    }
    used.users.add(podUid);
    return used.object.read();
  }

  release(podUid: string): void {
    for (const [key, { object, users }] of this.#used) {
      if (!users.delete(podUid) || users.size > 0) continue;
      object.close();
      this.#used.delete(key);
    }
  }

  close(): void {
    for (const { object } of this.#used.values()) object.close();
    this.#used.clear();
  }
}
