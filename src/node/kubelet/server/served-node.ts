/** What the server of a node needs of its kubelet. */
import type { Pod } from '../../../api/types/core-v1.ts';
import type { Client } from '../../../client/client.ts';
import type { MachineFigures } from '../node/machine.ts';
import type { PodFigures } from '../node/pod-figures.ts';
import type { Runtime } from '../runtime.ts';

export interface ServedNode {
  readonly name: string;
  /** Acts as the node: asks the API who callers are and what they may. */
  readonly client: Client;
  readonly runtime: Runtime;
  /** With their status of the moment. */
  pods(): readonly Pod[];
  pod(namespace: string, name: string): Pod | undefined;
  /** Left out: the node keeps none. */
  readonly localVolumes?: LocalVolumes | undefined;
  /** Of a real machine; left out on nodes that pretend. */
  readonly measured?: MeasuredNode | undefined;
}

/** What a real node can tell beyond what its runtime does. */
export interface MeasuredNode {
  readonly bootedAtMs: number;
  figures(): Promise<MachineFigures>;
  /** Of the pods whose containers run. */
  podFigures(): Promise<readonly PodFigures[]>;
}

/** Directories of the node that outlive pods. What is asked twice is done once. */
export interface LocalVolumes {
  /** Resolves to its path. */
  create(volume: string): Promise<string>;
  /** With all that is in it. */
  remove(volume: string): Promise<void>;
}

/** An answer of plain text, as kubelets give it. */
export class NodeError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string | readonly string[]>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
