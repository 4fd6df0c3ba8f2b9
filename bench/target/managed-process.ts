/**
 * A process that a benchmark starts and ends. What it says goes into a file,
 * so that the terminal stays the benchmark's; its last lines are shown when it
 * ends before its time. It does not outlive us.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** Told when the process ends and nobody has ended it. */
  onFailure?(error: Error): void;
}

const graceMs = 20_000;
const tailLines = 12;

export class ManagedProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #gone: Promise<void>;
  #isWanted = true;
  #output = '';
  readonly #listeners = new Set<() => void>();

  constructor({ name, command, args, logFile, onFailure }: ProcessOptions) {
    this.name = name;
    this.#logFile = logFile;
    const log = openSync(logFile, 'a');
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', log] });
    closeSync(log);
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString();
      this.#tell();
    });
    // Before the folders are removed that it writes into.
    process.prependOnceListener('exit', this.#killNow);
    this.#gone = new Promise((resolve) => {
      const gone = () => {
        process.off('exit', this.#killNow);
        this.#tell();
        if (this.#isWanted) onFailure?.(this.failure());
        resolve();
      };
      this.#child.once('exit', gone).once('error', gone);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  /** The first line on its stdout that `matches`. Rejects where the process ends before. */
  line(matches: (line: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const line = this.#output.split('\n').slice(0, -1).find(matches);
        if (line === undefined && !this.hasEnded) return;
        this.#listeners.delete(look);
        if (line === undefined) reject(this.failure());
        else resolve(line);
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Throws where it has ended by itself. */
  check(): void {
    if (this.hasEnded && this.#isWanted) throw this.failure();
  }

  failure(): Error {
    const tail = readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-tailLines).join('\n');
    return new Error(`${this.name} ended before its time (exit code ${this.#child.exitCode ?? this.#child.signalCode ?? 'none'})${tail ? `; its last words:\n${tail}` : ''}`);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    this.#isWanted = false;
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    if (this.hasEnded) return;
    this.#child.kill('SIGTERM');
    const cut = setTimeout(this.#killNow, graceMs);
    await this.#gone;
    clearTimeout(cut);
  }

  readonly #killNow = (): void => {
    this.#child.kill('SIGKILL');
  };

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
