/** Passes what a backend answers on to the client: a body as it comes, or a connection that has changed its protocol. */
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import * as errors from '../../../api/errors.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Responder } from '../../../base/exchange.ts';
import type { Call } from '../call.ts';
import { handshakeHeaders } from './headers.ts';
import type { Backend, BackendAnswer, BackendRequest } from './backend-client.ts';

/** Aborts when the client has gone. */
export function goneSignal(responder: Responder): AbortSignal {
  const gone = new AbortController();
  responder.onClose(() => gone.abort(new Error('the client has gone')));
  return gone.signal;
}

/** Slow readers slow the backend down. */
export async function relayBody(responder: Responder, body: AsyncIterable<Uint8Array>): Promise<void> {
  let drained: (() => void) | undefined;
  responder.onDrain(() => drained?.());
  responder.onClose(() => drained?.());
  try {
    for await (const chunk of body) {
      if (responder.closed) return;
      if (!responder.write([chunk])) await new Promise<void>((resolve) => (drained = resolve));
    }
    responder.end();
  } catch {
    responder.destroy();
  }
}

export async function relayAnswer(call: Call, answer: BackendAnswer): Promise<void> {
  call.responder.head(answer.status, { ...answer.headers, 'audit-id': call.auditId });
  await relayBody(call.responder, answer.body);
}

/** Asks the backend to change the protocol, and joins the two connections if it does; its refusal is the client's answer. */
export async function relayUpgrade(call: Call, backend: Backend, target: string): Promise<void> {
  const { request, responder, parts } = call;
  const { takeOver } = responder;
  if (!takeOver) throw errors.badRequest('Upgrade request required');
  const asked: BackendRequest = { method: request.method, target, headers: handshakeHeaders(request.headers, request.remoteAddress), signal: goneSignal(responder) };
  const answer = await parts.backends.upgrade(backend, asked).catch((error: Error) => {
    throw errors.apiError(500, '', `error dialing backend: ${error.message}`);
  });
  if ('status' in answer) return relayAnswer(call, answer);
  const { socket, headers, head } = answer;
  const client = takeOver(headers);
  if (head.length > 0) client.write(head);
  await joinConnections(client, socket, parts.clock);
}

/** For what was sent before the other end closed. */
const lingerMs = 10_000;

/** What comes on one goes out on the other; when one is over, so is the other. */
async function joinConnections(one: Duplex, other: Duplex, clock: Clock): Promise<void> {
  const follow = (from: Duplex, to: Duplex) => {
    from.pipe(to);
    from.on('error', () => {});
    from.once('close', () => {
      to.end();
      const late = clock.after(lingerMs, () => to.destroy());
      to.once('close', () => late.cancel());
    });
  };
  follow(one, other);
  follow(other, one);
  await Promise.allSettled([finished(one), finished(other)]);
}
