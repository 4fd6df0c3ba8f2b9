/**
 * Brings a pod's status to the API. Changes are coalesced: while a pod is on
 * its way (starting, stopping) its status is held back for a moment, so that
 * most pods need one write from Pending to Running and Ready, and one at the end.
 * At most one write is in flight; what changed meanwhile follows in the next.
 */
import type { Timer } from '../../base/clock.ts';
import { isConflict, isNotFound } from '../../client/failure.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodWorker } from './pod-worker.ts';
import { statusPatch } from './status-patch.ts';
import type { WorkerHost } from './worker-host.ts';

/** How long a status that is about to change may wait for it. */
const holdMs = 500;
const retryFirstMs = 200;
const retryMaxMs = 10_000;

export class StatusWriter {
  readonly #worker: PodWorker;
  readonly #host: WorkerHost;
  #writing = false;
  /** Something may have changed since what is being written was worked out. */
  #marked = false;
  #deleting = false;
  #held: Timer | undefined;
  #failures = 0;
  #closed = false;

  constructor(worker: PodWorker, host: WorkerHost) {
    this.#worker = worker;
    this.#host = host;
  }

  /** Something may have changed. */
  mark(): void {
    if (this.#closed) return;
    this.#marked = true;
    if (this.#writing || this.#failures > 0) return;
    if (this.#worker.settled) this.#flush();
    else this.#held ??= this.#host.clock.after(holdMs, () => this.#flush());
  }

  /** A pod that outlived its deletion was held by finalizers: once they change, it is tried again. */
  onPodUpdated(before: Pod, pod: Pod): void {
    if (before.metadata.finalizers?.length !== pod.metadata.finalizers?.length) this.#deleting = false;
  }

  close(): void {
    this.#closed = true;
    this.#held?.cancel();
  }

  /** The last act: the API object goes. */
  deletePod(): void {
    if (this.#deleting || this.#closed) return;
    this.#deleting = true;
    this.#host.deletePod(this.#worker.pod).then(
      () => {},
      (error: unknown) => {
        if (isNotFound(error) || isConflict(error)) this.#worker.forget();
        else this.#retry(error, () => (this.#deleting = false));
      },
    );
  }

  #flush(): void {
    this.#held?.cancel();
    this.#held = undefined;
    if (this.#writing || this.#closed) return;
    this.#marked = false;
    const { pod } = this.#worker;
    const next = this.#worker.status();
    const patch = statusPatch(pod.status ?? {}, next);
    if (!patch) {
      this.#failures = 0;
      if (this.#worker.state === 'ended' && pod.metadata.deletionTimestamp) this.deletePod();
      return;
    }
    this.#writing = true;
    this.#host.patchStatus(pod, patch).then(
      () => {
        this.#writing = false;
        this.#failures = 0;
        // The watch's echo says the same later; what it says must not look like news.
        this.#worker.pod.status = next;
        // The last status is followed by the end of the object.
        if (this.#marked || this.#worker.state === 'ended') this.#worker.advance();
      },
      (error: unknown) => {
        this.#writing = false;
        if (isNotFound(error) || isConflict(error)) this.#worker.forget();
        else this.#retry(error, () => {});
      },
    );
  }

  #retry(error: unknown, before: () => void): void {
    if (this.#closed) return;
    const delayMs = Math.min(retryFirstMs * 2 ** Math.min(this.#failures++, 10), retryMaxMs);
    this.#host.logger.warn('writing a pod failed, will retry', { pod: this.#worker.pod.metadata.name, error });
    this.#host.clock.after(delayMs, () => {
      before();
      this.#flush();
    });
  }
}
