/** Resource names as small numbers, so that amounts can stand in flat arrays. */

export const cpu = 0;
export const memory = 1;
export const ephemeralStorage = 2;
export const firstExtended = 3;

export class ResourceSlots {
  readonly names: string[] = ['cpu', 'memory', 'ephemeral-storage'];
  readonly #slots = new Map(this.names.map((name, slot) => [name, slot]));

  /** The number of the resource, given to it at first sight. */
  slot(name: string): number {
    let slot = this.#slots.get(name);
    if (slot === undefined) {
      slot = this.names.length;
      this.names.push(name);
      this.#slots.set(name, slot);
    }
    return slot;
  }
}
