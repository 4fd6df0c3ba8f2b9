/** One etcd member on loopback, in a folder of the caller's. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { ManagedProcess } from './managed-process.ts';

export interface Etcd {
  readonly process: ManagedProcess;
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
}

const lookMs = 25;

/** Resolves once it answers. */
export async function startEtcd(executable: string, directory: string, onFailure: (error: Error) => void = () => {}): Promise<Etcd> {
  const [clientPort, peerPort] = [await freePort(), await freePort()];
  const endpoint = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const etcd = new ManagedProcess({
    name: 'etcd',
    command: executable,
    args: [
      ...['--data-dir', join(directory, 'etcd'), '--name', 'bench', '--initial-cluster', `bench=${peer}`],
      ...['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      // Upstream's default of 2 GiB is little for 30,000 pods and their history.
      ...['--quota-backend-bytes', String(8 * 2 ** 30), '--log-level', 'error'],
    ],
    logFile: join(directory, 'etcd.log'),
    onFailure,
  });
  while (!(await isListening(clientPort))) {
    etcd.check();
    await wait(lookMs);
  }
  return { process: etcd, endpoint };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
