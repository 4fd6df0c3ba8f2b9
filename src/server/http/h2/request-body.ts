import { badRequest, requestEntityTooLarge } from '../../../api/errors.ts';
import { bodyBytesMax, emptyBody } from '../body.ts';

type State = 'arriving' | 'whole' | 'brokenOff' | 'tooLarge' | 'unwanted';
type Use = 'none' | 'gathered' | 'passed on';

/**
 * The body of a request while it arrives. What has come before it is asked for
 * is bounded by the window, which is only given back from then on: to one who
 * wants it whole at once, up to the limit for bodies; to one who passes it on as
 * it is taken.
 */
export class RequestBody {
  readonly #announced: number | undefined;
  #state: State;
  #use: Use = 'none';
  #chunks: Buffer[] = [];
  #size = 0;
  #waiting: PromiseWithResolvers<Uint8Array> | undefined;
  /** Whoever passes it on waits for the next chunk, or for the end. */
  #wake: (() => void) | undefined;

  /** `wanted`: whether the method is one that has a body. */
  constructor(announced: number | undefined, wanted: boolean) {
    this.#announced = announced;
    this.#state = wanted ? 'arriving' : 'unwanted';
  }

  /** Whether its bytes are consumed as they come. */
  get consumed(): boolean {
    return this.#use === 'gathered' || this.#state === 'unwanted';
  }

  /** False where it is longer than announced. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length;
    if (this.#size > bodyBytesMax && this.#use !== 'passed on') this.#settle('tooLarge');
    else if (this.#state === 'arriving') this.#chunks.push(chunk);
    this.#wake?.();
    return this.#announced === undefined || this.#size <= this.#announced;
  }

  /** The last byte is there. False where it is shorter than announced. */
  finish(): boolean {
    if (this.#announced !== undefined && this.#size !== this.#announced) return false;
    this.#settle('whole');
    return true;
  }

  /** Nothing more will come. */
  breakOff(): void {
    this.#settle('brokenOff');
  }

  read(): Promise<Uint8Array> {
    this.#use = 'gathered';
    if (this.#announced !== undefined && this.#announced > bodyBytesMax) this.#settle('tooLarge');
    switch (this.#state) {
      case 'arriving':
        return (this.#waiting ??= Promise.withResolvers<Uint8Array>()).promise;
      case 'whole':
        return Promise.resolve(this.#bytes());
      case 'unwanted':
        return emptyBody();
      case 'brokenOff':
      case 'tooLarge':
        return Promise.reject(this.#refusal());
    }
  }

  async *passOn(): AsyncGenerator<Uint8Array> {
    this.#use = 'passed on';
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) yield chunk;
      else if (this.#state === 'arriving') await new Promise<void>((resolve) => (this.#wake = resolve));
      else if (this.#state === 'whole' || this.#state === 'unwanted') return;
      else throw this.#refusal();
    }
  }

  #settle(state: State): void {
    if (this.#state !== 'arriving') return;
    this.#state = state;
    this.#wake?.();
    if (state === 'whole') {
      this.#waiting?.resolve(this.#bytes());
      return;
    }
    this.#chunks = [];
    this.#waiting?.reject(this.#refusal());
  }

  #refusal(): Error {
    return this.#state === 'tooLarge' ? requestEntityTooLarge(`limit is ${bodyBytesMax}`) : badRequest('unexpected EOF');
  }

  #bytes(): Uint8Array {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }
}
