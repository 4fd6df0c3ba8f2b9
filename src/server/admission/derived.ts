/** What plugins work out from objects, kept until the objects change; and waiting for objects that are about to appear. */
import type { KubeObject } from '../../api/object.ts';
import type { Clock } from '../../base/clock.ts';
import type { ClusterView } from './contract.ts';

const namespacesKept = 10_000;

/** One value a namespace, made when it is first asked for and dropped when an object of the resource changes there. */
export class DerivedByNamespace<Value> {
  readonly #values = new Map<string, Value>();
  readonly #make: (namespace: string) => Value;

  /** For the resource `namespaces` itself the key is the name of the namespace. */
  constructor(view: ClusterView, group: string, resource: string, make: (namespace: string) => Value) {
    this.#make = make;
    const isNamespaces = group === '' && resource === 'namespaces';
    view.onChange(group, resource, ({ namespace, name }) =>
      this.#values.delete(isNamespaces ? name : namespace),
    );
  }

  get(namespace: string): Value {
    const known = this.#values.get(namespace);
    if (known !== undefined) return known;
    if (this.#values.size >= namespacesKept) this.#values.clear();
    const value = this.#make(namespace);
    this.#values.set(namespace, value);
    return value;
  }
}

/** One value of all objects of a resource. */
export class DerivedFromAll<Value> {
  #value: { readonly made: Value } | undefined;
  readonly #make: () => Value;

  constructor(view: ClusterView, group: string, resource: string, make: () => Value) {
    this.#make = make;
    view.onChange(group, resource, () => {
      this.#value = undefined;
    });
  }

  get(): Value {
    this.#value ??= { made: this.#make() };
    return this.#value.made;
  }
}

export interface Awaited {
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly forMs: number;
}

/** The object, as soon as it is there; undefined where it has not come in time. */
export function awaitObject(
  view: ClusterView,
  clock: Clock,
  { group, resource, namespace, name, forMs }: Awaited,
): Promise<KubeObject | undefined> {
  return new Promise((resolve) => {
    const finish = (object: KubeObject | undefined) => {
      timer.cancel();
      stop();
      resolve(object);
    };
    const timer = clock.after(forMs, () => finish(view.get(group, resource, namespace, name)));
    const stop = view.onChange(group, resource, (change) => {
      if (change.name !== name || change.namespace !== namespace) return;
      const object = view.get(group, resource, namespace, name);
      if (object) finish(object);
    });
  });
}
