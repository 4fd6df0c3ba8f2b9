/**
 * What a peer may ask in vain: streams that it opens and resets before an
 * answer, ones that are refused or break the rules, frames without content.
 * Each costs us work and the peer nothing. Requests that are answered, and
 * time, make up for them.
 */
const unitsMax = 1000;

export class Patience {
  #units = unitsMax;

  /** False: it is at an end. */
  spend(): boolean {
    return --this.#units >= 0;
  }

  restore(units: number): void {
    this.#units = Math.min(unitsMax, this.#units + units);
  }
}
