/**
 * How many requests one client has under way, and which go first. What it does
 * in the background (events) has some places for itself and gets no others, so
 * that neither holds the other up: a pod's status does not queue behind the
 * events of a thousand others, and events go on in a storm. What waits here is
 * bounded by its callers, each of whom waits for its answer: workers, batches of
 * a controller, one sender an event recorder.
 */
export interface GateLimits {
  readonly underWayMax: number;
  /** Of these, for the background. */
  readonly backgroundMax: number;
}

export const defaultGateLimits: GateLimits = { underWayMax: 64, backgroundMax: 16 };

export class RequestGate<T> {
  readonly #foreground: Lane<T>;
  readonly #background: Lane<T>;

  constructor({ underWayMax, backgroundMax }: GateLimits = defaultGateLimits) {
    this.#foreground = new Lane(underWayMax - backgroundMax);
    this.#background = new Lane(backgroundMax);
  }

  /** False: it waits, and `left` will return it when there is a place. */
  enter(item: T, isBackground: boolean): boolean {
    return this.#lane(isBackground).enter(item);
  }

  /** One has been answered: what takes its place now, if anything waits. */
  left(isBackground: boolean): T | undefined {
    return this.#lane(isBackground).left();
  }

  #lane(isBackground: boolean): Lane<T> {
    return isBackground ? this.#background : this.#foreground;
  }
}

class Lane<T> {
  readonly #max: number;
  #underWay = 0;
  /** In order of arrival; what lies before `#first` has gone. */
  #waiting: T[] = [];
  #first = 0;

  constructor(max: number) {
    this.#max = max;
  }

  enter(item: T): boolean {
    if (this.#underWay < this.#max) {
      this.#underWay++;
      return true;
    }
    this.#waiting.push(item);
    return false;
  }

  left(): T | undefined {
    const next = this.#waiting[this.#first];
    if (next === undefined) {
      this.#underWay--;
      return undefined;
    }
    this.#first++;
    if (this.#first > 1000 && this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return next;
  }
}
