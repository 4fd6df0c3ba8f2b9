/** Calls to a worker: jobs are done in the order in which they are sent, each is answered once. */
import type { Worker } from 'node:worker_threads';
import type { Answer } from './protocol.ts';

interface Call {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerCalls<Job> {
  readonly #worker: Worker;
  readonly #calls = new Map<number, Call>();
  #lastId = 0;
  #dead: Error | undefined;

  /** The worker's messages are answers from here on. */
  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (answer: Answer) => this.#settle(answer));
    worker.on('error', (error) => this.#die(error as Error));
    worker.on('exit', () => this.#die(new Error('the storage thread has ended')));
  }

  get outstanding(): number {
    return this.#calls.size;
  }

  call<Result>(job: Job, transfer: readonly ArrayBuffer[] = []): Promise<Result> {
    if (this.#dead) return Promise.reject(this.#dead);
    const id = ++this.#lastId;
    return new Promise<Result>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#worker.postMessage({ id, job }, transfer);
    });
  }

  #settle(answer: Answer): void {
    const call = this.#calls.get(answer.id);
    this.#calls.delete(answer.id);
    if ('error' in answer) call?.reject(new Error(answer.error));
    else call?.resolve(answer.result as never);
  }

  #die(error: Error): void {
    this.#dead ??= error;
    for (const call of this.#calls.values()) call.reject(this.#dead);
    this.#calls.clear();
  }
}
