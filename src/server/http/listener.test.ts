import assert from 'node:assert/strict';
import tls from 'node:tls';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { selfSigned } from '../../client/testing/self-signed.ts';
import { listen } from './listener.ts';

const { cert, key } = selfSigned();
const options = {
  host: '127.0.0.1',
  port: 0,
  certificate: cert,
  privateKey: key,
  clientAuthority: cert,
  clock: systemClock(),
  handler: () => assert.fail('no request was finished'),
};

/** What the server says to one who stops in the middle. */
function answerTo(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: options.host, port, ca: cert, servername: 'localhost', ALPNProtocols: ['http/1.1'], checkServerIdentity: () => undefined });
    let text = '';
    socket.on('secureConnect', () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

test('who does not finish the head of a request over HTTP/1.1 is not waited for', { timeout: 20_000 }, async () => {
  const listener = await listen({ ...options, senderTimeoutMs: 300 });
  const answers = await Promise.all(['GET / HT', 'GET / HTTP/1.1\r\nhost: x\r\nx-half'].map((bytes) => answerTo(listener.port, bytes)));
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 408 /);
  await listener.close(1000);
});

test('a port that is taken leaves nothing behind', async () => {
  const listener = await listen(options);
  await assert.rejects(listen({ ...options, port: listener.port }), { code: 'EADDRINUSE' });
  await listener.close(1000);
});
