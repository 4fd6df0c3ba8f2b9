/** What a family of kinds contributes to the table in defaulters.ts. */
import type { KubeObject } from '../object.ts';

export type Defaulter = (object: KubeObject) => void;

/** By `group/version/Kind`: `apps/v1/Deployment`, `/v1/Pod`. */
export type Defaulters = Readonly<Record<string, Defaulter>>;

/** A defaulter written for the kind's own type; the decoder made sure that the object is one. */
export function defaulter<T extends object>(fill: (object: T) => void): Defaulter {
  return fill as unknown as Defaulter;
}
