/**
 * What a benchmark runs against. Three systems can give one: Coxswain started
 * for the occasion, upstream's executables, and whatever a kubeconfig leads to.
 * A benchmark sees no difference: it has an API, processes to watch, and nodes.
 */
import { join } from 'node:path';
import type { ConnectionConfig } from '../../src/client/kubeconfig.ts';
import type { WatchedProcess } from '../lib/usage.ts';

export interface ClusterShape {
  /** Hollow nodes. */
  readonly nodes: number;
  /** API server and scheduler alone: nothing then taints nodes that have no kubelet. Everything unless set. */
  readonly parts?: 'all' | 'scheduler';
  /** Each part a process of its own, so that one of them can be killed. */
  readonly separate?: boolean;
  /** The nodes as processes of their own, by the prefixes of their names; these many instead of `nodes`. */
  readonly fleets?: readonly FleetShape[];
  readonly datastore?: string;
}

export interface FleetShape {
  readonly prefix: string;
  readonly nodes: number;
}

export interface System {
  readonly name: string;
  start(shape: ClusterShape): Promise<Target>;
}

export interface Target {
  readonly config: ConnectionConfig;
  readonly kubeconfig: string;
  /** From the start of its processes. Undefined where the target was there already. */
  readonly startMs: { readonly api: number; readonly nodes: number } | undefined;
  /** Which they are now: a restarted part is another process. */
  processes(): readonly WatchedProcess[];
  /** Of a target whose parts are separate. */
  readonly apiServer?: { kill(): Promise<void>; start(): Promise<void> };
  /** By prefix. */
  readonly fleets: ReadonlyMap<string, { kill(): Promise<void> }>;
  /** Rejects when one of its processes ends that nobody has ended. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/** The `coxswain` command of this checkout. */
export const coxswainCommand = join(import.meta.dirname, '..', '..', 'bin', 'coxswain.js');
