/** What the server of a node needs of its kubelet. */
import type { Pod } from '../../../api/types/core-v1.ts';
import type { Client } from '../../../client/client.ts';
import type { Runtime } from '../runtime.ts';

export interface ServedNode {
  readonly name: string;
  /** Acts as the node: asks the API who callers are and what they may. */
  readonly client: Client;
  readonly runtime: Runtime;
  /** With their status of the moment. */
  pods(): readonly Pod[];
  pod(namespace: string, name: string): Pod | undefined;
}

/** An answer of plain text, as kubelets give it. */
export class NodeError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
