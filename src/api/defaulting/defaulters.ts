/**
 * What the server fills in where a client left something out, as upstream
 * stores it. Defaulters change the object they are given (the write path owns
 * it), are idempotent, and run on every decode of a versioned object.
 */
import type { KubeObject } from '../object.ts';
import { families } from './families.ts';
import type { Defaulter } from './kind-defaulter.ts';

const defaulters = new Map<string, Defaulter>(families.flatMap((family) => Object.entries(family)));

export function applyDefaults(group: string, version: string, kind: string, object: KubeObject): void {
  defaulters.get(`${group}/${version}/${kind}`)?.(object);
}
