import type { Responder } from '../../base/exchange.ts';
import type { MeasuredRoute } from './measured-route.ts';

/** Passes an answer on, and knows what it was once the exchange is over. */
export class MeasuredResponder implements Responder {
  readonly #responder: Responder;
  readonly #route: MeasuredRoute;
  readonly #started: number;
  readonly takeOver?: NonNullable<Responder['takeOver']>;
  #status = 0;
  #bytes = 0;

  constructor(responder: Responder, route: MeasuredRoute, started: number) {
    this.#responder = responder;
    this.#route = route;
    this.#started = started;
    const { takeOver } = responder;
    if (!takeOver) return;
    this.takeOver = (headers) => {
      this.#status = 101;
      return takeOver(headers);
    };
  }

  get closed(): boolean {
    return this.#responder.closed;
  }

  head(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    this.#status = status;
    this.#responder.head(status, headers);
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#route.isRead) this.#count(chunks);
    return this.#responder.write(chunks);
  }

  end(chunks?: readonly Uint8Array[]): void {
    if (this.#route.isRead && chunks) this.#count(chunks);
    this.#responder.end(chunks);
  }

  destroy(): void {
    this.#responder.destroy();
  }

  onDrain(callback: () => void): void {
    this.#responder.onDrain(callback);
  }

  onClose(callback: () => void): void {
    this.#responder.onClose(callback);
  }

  finished(now: number): void {
    this.#route.finished(this.#status, now, this.#started, this.#bytes);
  }

  #count(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#bytes += chunk.byteLength;
  }
}
