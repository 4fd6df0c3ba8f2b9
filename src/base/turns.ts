/**
 * Who does how much in one turn of this thread's loop. Work that comes in bulk
 * (requests of other threads, acknowledgements, events) goes in steps, and all
 * of it together has one budget a turn, so that sockets are looked at between;
 * a step is over when its microtasks are, which for a request is most of it.
 * What gathers over a turn (commits, answers) goes once, at its end.
 */
const budgetMs = 2;

export class Turns {
  #steps: (() => void)[] = [];
  #next = 0;
  #later: (() => void)[] = [];
  #ends: (() => void)[] = [];
  #scheduled = false;
  #until = 0;

  /** Calls back once, in this turn if its budget allows; in the order of asking. */
  step(callback: () => void): void {
    this.#steps.push(callback);
    this.#schedule();
  }

  /** Calls back once, as a step of the next turn: after what is running now and the I/O that is ready. */
  afterTurn(callback: () => void): void {
    this.#later.push(callback);
    this.#schedule();
  }

  /** Calls back once, between the steps of this turn and those of the next; it should be short. */
  atEnd(callback: () => void): void {
    this.#ends.push(callback);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    // Sockets have asked since the last turn: theirs goes before the bulk.
    this.#finish();
    this.#steps.push(...this.#later.splice(0));
    this.#until = performance.now() + budgetMs;
    this.#goOn();
  };

  readonly #goOn = (): void => {
    const step = this.#steps[this.#next];
    if (step && performance.now() < this.#until) {
      this.#next++;
      try {
        step();
      } finally {
        queueMicrotask(this.#afterMicrotasks);
      }
      return;
    }
    this.#steps = this.#steps.slice(this.#next);
    this.#next = 0;
    this.#finish();
    this.#scheduled = false;
    if (this.#steps.length > 0 || this.#later.length > 0 || this.#ends.length > 0) this.#schedule();
  };

  /** Ticks run when no microtask is left. */
  readonly #afterMicrotasks = (): void => process.nextTick(this.#goOn);

  #finish(): void {
    const ends = this.#ends;
    this.#ends = [];
    for (const end of ends) end();
  }
}

/** This thread's. */
export const turns = new Turns();
