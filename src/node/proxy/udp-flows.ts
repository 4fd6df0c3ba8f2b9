/**
 * Connection tracking remembers where the packets of a UDP flow were sent, and a
 * flow that never rests is never forgotten: after its endpoint is gone, or from
 * before its Service had one, it would go nowhere for ever. Such flows are
 * deleted once the rules have changed; TCP finds out by itself.
 */
import type { Logger } from '../../base/logger.ts';
import type { RunCommand } from '../system/command.ts';
import type { Family, PortModel } from './service-model.ts';

/** Where flows may go, by where they were sent: `address port`, or `* port` for a node port. */
export type Destinations = Map<string, ReadonlySet<string>>;

export interface Flow {
  readonly source: string;
  readonly sourcePort: string;
  readonly destination: string;
  readonly destinationPort: string;
  /** `address port` of the one who answers: the endpoint, where the flow was translated. */
  readonly answering: string;
}

/** What a UDP port of a Service adds to `destinations`. */
export function addDestinations(destinations: Destinations, { protocol, clusterIp, externalIps, port, nodePort, cluster, local }: PortModel): void {
  if (protocol !== 'udp') return;
  const endpoints = new Set([...cluster, ...local].map((backend) => `${backend.ip} ${backend.port}`));
  for (const ip of [clusterIp, ...externalIps]) destinations.set(`${ip} ${port}`, endpoints);
  if (nodePort !== 0) destinations.set(`* ${nodePort}`, endpoints);
}

/** Those that were sent to a Service and do not go where it has its endpoints now. */
export function staleFlows(flows: readonly Flow[], destinations: Destinations, nodeIps: readonly string[]): Flow[] {
  return flows.filter(({ destination, destinationPort, answering }) => {
    const endpoints = destinations.get(`${destination} ${destinationPort}`) ?? (nodeIps.includes(destination) ? destinations.get(`* ${destinationPort}`) : undefined);
    return endpoints !== undefined && !endpoints.has(answering);
  });
}

/** Of `conntrack -L`: each line has the way there and then the way back. */
export function parseFlows(listing: string): Flow[] {
  return listing.split('\n').flatMap((line) => {
    const fields = [...line.matchAll(/\b(src|dst|sport|dport)=(\S+)/g)].map(([, name, value]) => [name, value ?? ''] as const);
    const values = (name: string) => fields.filter(([field]) => field === name).map(([, value]) => value);
    const [source, answers] = values('src');
    const [sourcePort, answersPort] = values('sport');
    const [destination] = values('dst');
    const [destinationPort] = values('dport');
    if (!source || !sourcePort || !destination || !destinationPort || !answers || !answersPort) return [];
    return [{ source, sourcePort, destination, destinationPort, answering: `${answers} ${answersPort}` }];
  });
}

export class UdpFlows {
  readonly #run: RunCommand;
  readonly #logger: Logger;
  /** One after the other: a later one sees what an earlier one has left. */
  #last: Promise<void> = Promise.resolve();

  constructor(run: RunCommand, logger: Logger) {
    this.#run = run;
    this.#logger = logger;
  }

  /** Never rejects: flows that stay are a nuisance, not a reason to stop. */
  clean(family: Family, destinations: Destinations, nodeIps: readonly string[]): Promise<void> {
    this.#last = this.#last
      .then(() => this.#clean(family, destinations, nodeIps))
      .catch((error: unknown) => this.#logger.warn('stale UDP flows could not be deleted', { family, error }));
    return this.#last;
  }

  /** Resolves when nothing is under way. */
  rest(): Promise<void> {
    return this.#last;
  }

  async #clean(family: Family, destinations: Destinations, nodeIps: readonly string[]): Promise<void> {
    const common = ['-f', family.toLowerCase(), '-p', 'udp'];
    const listing = await this.#run('conntrack', ['-L', ...common]);
    for (const { source, sourcePort, destination, destinationPort } of staleFlows(parseFlows(listing), destinations, nodeIps)) {
      await this.#run('conntrack', ['-D', ...common, '-s', source, '-d', destination, '--sport', sourcePort, '--dport', destinationPort]).catch((error: unknown) => this.#logger.debug('a flow has gone by itself', { error }));
    }
  }
}
