import { badRequest, requestEntityTooLarge } from '../../../api/errors.ts';
import { bodyBytesMax, emptyBody } from '../body.ts';

type State = 'arriving' | 'whole' | 'brokenOff' | 'tooLarge' | 'unwanted';

/**
 * The body of a request while it arrives. What has come before it is asked for
 * is bounded by the window, which is only given back from then on; what comes
 * afterwards by the limit for bodies.
 */
export class RequestBody {
  readonly #announced: number | undefined;
  #state: State;
  #chunks: Buffer[] = [];
  #size = 0;
  #waiting: PromiseWithResolvers<Uint8Array> | undefined;
  /** Whether its bytes are consumed as they come. */
  consumed: boolean;

  /** `wanted`: whether the method is one that has a body. */
  constructor(announced: number | undefined, wanted: boolean) {
    this.#announced = announced;
    this.#state = !wanted ? 'unwanted' : announced !== undefined && announced > bodyBytesMax ? 'tooLarge' : 'arriving';
    this.consumed = !wanted;
  }

  /** False where it is longer than announced. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length;
    if (this.#size > bodyBytesMax) this.#settle('tooLarge');
    else if (this.#state === 'arriving') this.#chunks.push(chunk);
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
    this.consumed = true;
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

  #settle(state: State): void {
    if (this.#state !== 'arriving') return;
    this.#state = state;
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
