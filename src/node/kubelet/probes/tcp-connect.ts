/** Whether something accepts connections on a port. */
import { connect } from 'node:net';
import { hostAndPort } from './container-port.ts';
import { dialFailure } from './connection-failure.ts';

/** Rejects with why not. */
export function tcpConnect(host: string, port: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host, port });
  const end = (error: Error | undefined) => {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
    if (error) reject(new Error(dialFailure(error, hostAndPort(host, port), signal)));
    else resolve();
  };
  const onAbort = () => end(new Error('aborted'));
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('connect', () => end(undefined));
  // It may fail again after it has ended.
  socket.on('error', end);
  return promise;
}
