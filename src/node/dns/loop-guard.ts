/**
 * Finds out whether a server that is forwarded to forwards back: it is asked for
 * a name that nobody else can know. If the question comes home, it is in a loop.
 */
import { randomBytes } from 'node:crypto';
import type { Forwarder } from './forwarder.ts';

export class LoopGuard {
  readonly #waiting = new Map<string, () => void>();

  /** Of the zone that the forwarder is asked for; empty: of all others. */
  probe(forwarder: Forwarder, zone: string): void {
    forwarder.probe((onLoop) => {
      const name = [randomBytes(16).toString('hex'), ...(zone === '' ? [] : [zone])].join('.');
      this.#waiting.set(name, onLoop);
      return name;
    });
  }

  /** Whether the question is one of ours that came home. */
  recognise(name: string): boolean {
    const onLoop = this.#waiting.get(name);
    onLoop?.();
    return onLoop !== undefined;
  }
}
