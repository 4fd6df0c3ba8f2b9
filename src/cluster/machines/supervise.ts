/** Keeps a daemon running: starts it again when it ends, later and later while it fails at once. */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';

export interface Program {
  /** Ends when the program does, with its code. */
  readonly process: ChildProcess;
  kill(signal: NodeJS.Signals): void;
}

export interface SuperviseOptions {
  readonly name: string;
  start(stdio: StdioOptions): Program;
  /** The file that gets what it says. */
  readonly log: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Supervised {
  /** The last lines of its log, for whoever has to say why it does not work. */
  lastWords(): string;
  /** Asks it to end, and ends it where it takes too long. */
  stop(graceMs?: number): Promise<void>;
}

const againMs = 200;
const againMaxMs = 10_000;
/** Who has lived so long has not failed at once. */
const provenMs = 10_000;
const graceDefaultMs = 5000;

export function supervise(options: SuperviseOptions): Supervised {
  return new Daemon(options);
}

class Daemon implements Supervised {
  readonly #options: SuperviseOptions;
  #program: Program | undefined;
  #waiting: Timer | undefined;
  #stopping = false;
  #failures = 0;

  constructor(options: SuperviseOptions) {
    this.#options = options;
    this.#start();
  }

  lastWords(): string {
    try {
      return readFileSync(this.#options.log, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
    } catch {
      return '';
    }
  }

  async stop(graceMs = graceDefaultMs): Promise<void> {
    this.#stopping = true;
    this.#waiting?.cancel();
    const program = this.#program;
    if (!program) return;
    const ended = once(program.process, 'exit');
    program.kill('SIGTERM');
    const cut = this.#options.clock.after(graceMs, () => program.kill('SIGKILL'));
    await ended;
    cut.cancel();
  }

  #start(): void {
    const { name, start, log, clock, logger } = this.#options;
    const file = openSync(log, 'a');
    const program = start(['ignore', file, file]);
    closeSync(file);
    this.#program = program;
    const startedAt = clock.monotonic();
    let isOver = false;
    const over = (why: string) => {
      if (isOver) return;
      isOver = true;
      this.#program = undefined;
      if (this.#stopping) return;
      if (clock.monotonic() - startedAt > provenMs) this.#failures = 0;
      const delayMs = Math.min(againMs * 2 ** Math.min(this.#failures++, 10), againMaxMs);
      logger.warn(`${name} has ended, and is started again`, { why, log });
      this.#waiting = clock.after(delayMs, () => this.#start());
    };
    program.process.once('error', (error) => over(error.message));
    program.process.once('exit', (code, signal) => over(signal ?? `exit code ${code}`));
  }
}
