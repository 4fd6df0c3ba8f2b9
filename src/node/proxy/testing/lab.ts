/**
 * A node's network in namespaces of its own, to try rules on a real kernel:
 *
 *   client 192.0.2.10 --- node 192.0.2.1 --- bridge 10.244.0.1 --- pods of the node 10.244.0.1x
 *                              \------------ 10.244.1.1 --- one pod of another node 10.244.1.11
 *
 * and the same in IPv6. Nothing of it is left after `close`.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runCommand } from '../../system/command.ts';
import type { RunCommand } from '../../system/command.ts';
import type { AgentRequest } from './lab-agent.ts';

/** Why there can be no lab here; undefined where there can. */
export function noLab(...tools: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, for network namespaces';
  const missing = ['ip', 'nsenter', ...tools].filter((tool) => !['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((path) => existsSync(join(path, tool))));
  return missing.length > 0 ? `needs ${missing.join(', ')}` : undefined;
}

export const addresses = {
  node: '192.0.2.1',
  client: '192.0.2.10',
  podA: '10.244.0.11',
  podB: '10.244.0.12',
  remote: '10.244.1.11',
} as const;

export const addresses6 = {
  node: '2001:db8::1',
  client: '2001:db8::10',
  podA: 'fd00:244::11',
  podB: 'fd00:244::12',
  remote: 'fd00:244:0:1::11',
} as const;

export type HostName = keyof typeof addresses;

export class Lab {
  readonly #prefix: string;
  readonly #agents = new Map<HostName, Agent>();

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  static async create(): Promise<Lab> {
    const lab = new Lab(`cxl${process.pid.toString(36)}${(created++).toString(36)}`);
    try {
      await lab.#build();
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  /** Runs a command in the node's namespace. */
  readonly run: RunCommand = (command, args, options) => runCommand('nsenter', [`--net=${this.#path('node')}`, command, ...args], options);

  async listen(host: HostName, protocol: 'tcp' | 'udp', port: number): Promise<void> {
    const refused = await this.#agent(host).request({ do: 'listen', protocol, port });
    if (refused !== '') throw new Error(`${host} cannot listen on ${port}: ${refused}`);
  }

  /** What answers there: `name address` of the server's name and of whom it saw, an error's code, or `timeout`. */
  ask(host: HostName, ip: string, port: number, { protocol = 'tcp', timeoutMs = 3000, sourcePort = 0 }: { protocol?: 'tcp' | 'udp'; timeoutMs?: number; sourcePort?: number } = {}): Promise<string> {
    return this.#agent(host).request({ do: 'ask', protocol, ip, port, timeoutMs, sourcePort });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
    // Where it was not built to its end, some are not there.
    await runCommand('ip', ['-force', '-batch', '-'], { input: hosts.map((host) => `netns delete ${this.#netns(host)}\n`).join('') }).catch(() => undefined);
  }

  #agent(host: HostName): Agent {
    let agent = this.#agents.get(host);
    if (!agent) this.#agents.set(host, (agent = new Agent(host, this.#path(host))));
    return agent;
  }

  #netns(host: HostName): string {
    return `${this.#prefix}-${host}`;
  }

  #path(host: HostName): string {
    return `/run/netns/${this.#netns(host)}`;
  }

  async #build(): Promise<void> {
    await batch(hosts.map((host) => `netns add ${this.#netns(host)}`));
    const others = hosts.filter((host) => host !== 'node');
    const onNode = [
      'link add br0 type bridge',
      ...others.map((host) => `link add ${host} type veth peer name eth0 netns ${this.#netns(host)}`),
      ...['podA', 'podB'].flatMap((pod) => [`link set ${pod} master br0`, `link set ${pod} type bridge_slave hairpin on`]),
      ...address('br0', '10.244.0.1/24', 'fd00:244::1/64'),
      ...address('client', `${addresses.node}/24`, `${addresses6.node}/64`),
      ...address('remote', '10.244.1.1/24', 'fd00:244:0:1::1/64'),
      ...['lo', 'podA', 'podB'].map((device) => `link set ${device} up`),
      // A node reaches Services by whatever way it has out.
      ...route(addresses.client, addresses6.client),
    ];
    await batch(onNode, this.#netns('node'));
    const gateways = { client: [addresses.node, addresses6.node], podA: ['10.244.0.1', 'fd00:244::1'], podB: ['10.244.0.1', 'fd00:244::1'], remote: ['10.244.1.1', 'fd00:244:0:1::1'] } as const;
    for (const host of ['client', 'podA', 'podB', 'remote'] as const) {
      const [v4, v6] = gateways[host];
      await batch(['link set lo up', ...address('eth0', `${addresses[host]}/24`, `${addresses6[host]}/64`), ...route(v4, v6)], this.#netns(host));
    }
    const forwarding = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'];
    await this.run('sysctl', ['-q', '-w', ...forwarding]);
  }
}

function address(device: string, v4: string, v6: string): string[] {
  return [`address add ${v4} dev ${device}`, `address add ${v6} dev ${device} nodad`, `link set ${device} up`];
}

function route(v4: string, v6: string): string[] {
  return [`route add default via ${v4}`, `-6 route add default via ${v6}`];
}

let created = 0;
const hosts = Object.keys(addresses) as HostName[];

async function batch(commands: readonly string[], netns?: string): Promise<void> {
  for (const family of ['', '-6']) {
    const ours = commands.filter((command) => command.startsWith('-6 ') === (family !== '')).map((command) => command.replace('-6 ', ''));
    if (ours.length === 0) continue;
    await runCommand('ip', [...(netns === undefined ? [] : ['-n', netns]), ...(family === '' ? [] : [family]), '-batch', '-'], { input: `${ours.join('\n')}\n` });
  }
}

class Agent {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #waiting = new Map<number, (answer: string) => void>();
  #next = 0;

  constructor(name: string, netns: string) {
    this.#child = spawn('nsenter', [`--net=${netns}`, process.execPath, join(import.meta.dirname, 'lab-agent.ts'), name], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ended = new Promise((resolve) => void this.#child.on('close', () => resolve()));
    createInterface(this.#child.stdout!).on('line', (line) => {
      const { id, answer } = JSON.parse(line) as { id: number; answer: string };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  request(request: AgentRequest): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.set(this.#next, resolve);
      this.#child.stdin!.write(`${JSON.stringify({ id: this.#next++, ...request })}\n`);
    });
  }

  async close(): Promise<void> {
    this.#child.stdin!.end();
    await this.#ended;
  }
}
