/**
 * Who does how much in one turn of this thread's loop. Work that comes in bulk
 * (requests of other threads, acknowledgements, events) goes in steps, and all
 * of it together has one budget a turn, so that sockets are looked at between;
 * a step is over when its microtasks are, which for a request is most of it.
 * What gathers goes once: at the end of the turn where somebody may wait for it
 * (commits, answers to sockets), when the steps are done where it is cheaper the
 * more there is (watch events, what goes to other threads).
 */
const budgetMs = 2;
const gatherMs = 5;
/** A callback of its own: `queueMicrotask` costs several times that. */
const done = Promise.resolve();

export class Turns {
  readonly #now: () => number;
  #steps: (() => void)[] = [];
  #next = 0;
  #later: (() => void)[] = [];
  #ends: (() => void)[] = [];
  #gathered: (() => void)[] = [];
  #gatheredSince = 0;
  #scheduled = false;
  #until = 0;

  /** Milliseconds, for its budgets. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

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

  /** Calls back once, at the end of a turn that leaves no steps, or of one some milliseconds from now. */
  whenGathered(callback: () => void): void {
    if (this.#gathered.length === 0) this.#gatheredSince = this.#now();
    this.#gathered.push(callback);
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
    this.#until = this.#now() + budgetMs;
    this.#goOn();
  };

  readonly #goOn = (): void => {
    const step = this.#steps[this.#next];
    if (step && this.#now() < this.#until) {
      this.#next++;
      try {
        step();
      } finally {
        void done.then(this.#afterMicrotasks);
      }
      return;
    }
    this.#steps = this.#steps.slice(this.#next);
    this.#next = 0;
    if (this.#gathered.length > 0 && (this.#steps.length === 0 || this.#now() > this.#gatheredSince + gatherMs)) {
      for (const callback of this.#gathered.splice(0)) callback();
      // What is delivered to other threads has only now been put into their posts.
      for (const callback of this.#gathered.splice(0)) callback();
    }
    this.#finish();
    this.#scheduled = false;
    if (this.#steps.length > 0 || this.#later.length > 0 || this.#ends.length > 0 || this.#gathered.length > 0) this.#schedule();
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
