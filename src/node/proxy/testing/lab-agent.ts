/**
 * What runs in a network namespace of the lab: it answers on ports, and asks
 * others. It is told by lines of JSON on stdin and says by lines on stdout what
 * came of it. A server answers with its name and the address it was asked from.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer, isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';
import { systemClock } from '../../../base/clock.ts';

export type AgentRequest =
  | { readonly do: 'listen'; readonly protocol: 'tcp' | 'udp'; readonly port: number }
  | { readonly do: 'ask'; readonly protocol: 'tcp' | 'udp'; readonly ip: string; readonly port: number; readonly timeoutMs: number; readonly sourcePort: number };

const clock = systemClock();
const name = process.argv[2] ?? '';
const plain = (address: string | undefined) => (address ?? '').replace(/^::ffff:/, '');

function listen(protocol: 'tcp' | 'udp', port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    if (protocol === 'tcp') {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.end(`${name} ${plain(socket.remoteAddress)}`);
      });
      server.once('error', reject).listen(port, '::', () => resolve(''));
      return;
    }
    const socket = createSocket({ type: 'udp6' });
    socket.once('error', reject);
    socket.on('message', (_, { address, port: from }) => socket.send(`${name} ${plain(address)}`, from, address));
    socket.bind(port, '::', () => resolve(''));
  });
}

function askTcp(ip: string, port: number, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: ip, port, timeout: timeoutMs });
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('timeout', () => {
      resolve('timeout');
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('close', () => resolve(text));
  });
}

function askUdp(ip: string, port: number, timeoutMs: number, sourcePort: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(ip) ? 'udp6' : 'udp4');
    const done = (answer: string) => {
      timer.cancel();
      socket.close();
      resolve(answer);
    };
    const timer = clock.after(timeoutMs, () => done('timeout'));
    socket.once('message', (message) => done(message.toString()));
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? 'error'));
    // Connected, so that a refusal is heard.
    socket.bind(sourcePort, () => socket.connect(port, ip, () => socket.send('?')));
  });
}

function serve(request: AgentRequest): Promise<string> {
  if (request.do === 'listen') return listen(request.protocol, request.port);
  return request.protocol === 'tcp' ? askTcp(request.ip, request.port, request.timeoutMs) : askUdp(request.ip, request.port, request.timeoutMs, request.sourcePort);
}

for await (const line of createInterface(process.stdin)) {
  const { id, ...request } = JSON.parse(line) as AgentRequest & { id: number };
  void serve(request)
    .catch((error: NodeJS.ErrnoException) => error.code ?? String(error))
    .then((answer) => process.stdout.write(`${JSON.stringify({ id, answer })}\n`));
}
process.exit(0);
