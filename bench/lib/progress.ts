/**
 * Where a run stands, on stderr: a bar that is drawn anew on a terminal, a line
 * every few seconds elsewhere. stdout belongs to the results.
 */
import { stderr } from 'node:process';

export interface Standing {
  readonly phase: string;
  readonly done: number;
  /** Undefined where nobody knows how much there is. */
  readonly total: number | undefined;
  readonly unit: string;
  /** A second. */
  readonly rate: number;
}

const drawMs = 200;
const lineMs = 5000;
const barWidth = 24;
/** Rates are of the last few seconds. */
const rateWindowMs = 5000;

export function formatBar({ phase, done, total, unit, rate }: Standing, width: number): string {
  const share = total ? Math.min(1, done / total) : 0;
  const filled = Math.round(share * width);
  const bar = total ? `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ` : '';
  return `${phase.padEnd(22)} ${bar}${formatStanding({ phase, done, total, unit, rate })}`;
}

export function formatStanding({ done, total, unit, rate }: Standing): string {
  const count = total === undefined ? `${whole(done)} ${unit}` : `${whole(done)}/${whole(total)} ${unit}`;
  // What is counted in seconds passes by itself.
  const speed = unit === 's' ? '' : `  ${rate >= 10 ? whole(rate) : rate.toFixed(1)}/s`;
  const left = total === undefined || done >= total || rate <= 0 ? '' : `  ETA ${formatSeconds((total - done) / rate)}`;
  return `${count}${speed}${left}`;
}

export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

const whole = (value: number) => Math.round(value).toLocaleString('en-US');

export interface PhaseProgress {
  /** How much is done by now. */
  set(done: number): void;
  add(more?: number): void;
  readonly done: number;
}

export class Progress {
  readonly #isTerminal = stderr.isTTY === true;
  readonly #prefix: string;
  #phase: RunningPhase | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  begin(phase: string, unit: string, total?: number): PhaseProgress {
    this.end();
    const running = (this.#phase = new RunningPhase(phase, unit, total));
    this.#timer = setInterval(() => this.#draw(running), this.#isTerminal ? drawMs : lineMs);
    if (!this.#isTerminal) this.note(`${phase}${total === undefined || unit === 's' ? '' : `: ${whole(total)} ${unit}`}`);
    return running;
  }

  end(): void {
    clearInterval(this.#timer);
    if (!this.#phase) return;
    if (this.#isTerminal) stderr.write(`\r\u001b[2K${this.#prefix}  ${this.#phase.summary()}\n`);
    else this.note(this.#phase.summary());
    this.#phase = undefined;
  }

  note(text: string): void {
    stderr.write(`${this.#isTerminal ? '\r\u001b[2K' : ''}${this.#prefix}  ${text}\n`);
  }

  #draw(running: RunningPhase): void {
    const standing = running.standing();
    if (!this.#isTerminal) {
      this.note(`${running.phase}  ${formatStanding(standing)}`);
      return;
    }
    const line = `${this.#prefix}  ${formatBar(standing, barWidth)}`;
    stderr.write(`\r\u001b[2K${line.slice(0, (stderr.columns ?? 120) - 1)}`);
  }
}

class RunningPhase implements PhaseProgress {
  readonly phase: string;
  readonly #unit: string;
  readonly #total: number | undefined;
  readonly #beganAt = performance.now();
  readonly #seen: { at: number; done: number }[] = [];
  done = 0;

  constructor(phase: string, unit: string, total: number | undefined) {
    this.phase = phase;
    this.#unit = unit;
    this.#total = total;
    this.#seen.push({ at: this.#beganAt, done: 0 });
  }

  set(done: number): void {
    this.done = done;
  }

  add(more = 1): void {
    this.done += more;
  }

  standing(): Standing {
    const now = performance.now();
    this.#seen.push({ at: now, done: this.done });
    while (this.#seen.length > 2 && (this.#seen[1] as { at: number }).at < now - rateWindowMs) this.#seen.shift();
    const { at, done } = this.#seen[0] as { at: number; done: number };
    return { phase: this.phase, done: this.done, total: this.#total, unit: this.#unit, rate: now > at ? ((this.done - done) / (now - at)) * 1000 : 0 };
  }

  summary(): string {
    const seconds = (performance.now() - this.#beganAt) / 1000;
    const counted = this.#unit === 's' || this.done === 0 ? '' : `  ${whole(this.done)} ${this.#unit}, ${(this.done / seconds).toFixed(1)}/s`;
    return `${this.phase.padEnd(22)} done in ${seconds < 100 ? `${seconds.toFixed(1)} s` : formatSeconds(seconds)}${counted}`;
  }
}
