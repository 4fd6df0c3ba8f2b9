/** Real etcd processes for the tests: on loopback, on free ports, in temporary directories. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as realTime } from 'node:timers/promises';
import { temporaryDirectory } from '../conformance/temporary-directory.ts';

const binary = process.env['ETCD'] ?? '/usr/bin/etcd';

/** Why the tests that need etcd are skipped; false where it is there. */
export const withoutEtcd: string | false = existsSync(binary)
  ? false
  : `no etcd at ${binary} (Debian: apt-get install etcd-server)`;

export interface EtcdMember {
  readonly endpoint: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface EtcdCluster {
  readonly endpoints: readonly string[];
  readonly members: readonly EtcdMember[];
  stop(): Promise<void>;
}

export interface EtcdClusterOptions {
  readonly members?: number;
  /** Flags that turn TLS for clients on. */
  readonly tlsFlags?: readonly string[];
}

export async function startEtcd({
  members: count = 1,
  tlsFlags = [],
}: EtcdClusterOptions = {}): Promise<EtcdCluster> {
  const directory = temporaryDirectory();
  const scheme = tlsFlags.length > 0 ? 'https' : 'http';
  const places = await Promise.all(
    Array.from({ length: count }, async (_, n) => ({
      name: `m${n}`,
      client: await freePort(),
      peer: await freePort(),
    })),
  );
  const initial = places.map(({ name, peer }) => `${name}=http://127.0.0.1:${peer}`).join(',');
  const members = places.map(({ name, client, peer }): EtcdMember & { run(): void } => {
    const url = `${scheme}://127.0.0.1:${client}`;
    const peerUrl = `http://127.0.0.1:${peer}`;
    const flags = {
      name,
      'data-dir': join(directory.path, name),
      'listen-client-urls': url,
      'advertise-client-urls': url,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': initial,
      'heartbeat-interval': '50',
      'election-timeout': '500',
      'log-level': 'fatal',
      logger: 'zap',
    };
    let child: ChildProcess | undefined;
    const run = () => {
      child = spawn(
        binary,
        [...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`), ...tlsFlags],
        { stdio: 'ignore' },
      );
    };
    return {
      endpoint: url,
      run,
      async kill() {
        const dying = child;
        child = undefined;
        if (dying === undefined) return;
        const gone = new Promise((resolve) => dying.once('exit', resolve));
        dying.kill('SIGKILL');
        await gone;
      },
      async start() {
        run();
        await listening(client);
      },
    };
  });
  for (const member of members) member.run();
  await Promise.all(places.map(({ client }) => listening(client)));
  return {
    endpoints: members.map(({ endpoint }) => endpoint),
    members,
    async stop() {
      await Promise.all(members.map((member) => member.kill()));
      directory.remove();
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** etcd opens its client port once it has joined the cluster. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await realTime(25);
  }
  throw new Error(`etcd does not listen on ${port}`);
}
