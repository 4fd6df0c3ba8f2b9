/**
 * Upstream's kube-scheduler as a judge: it schedules the pods of an API server,
 * and its log (at verbosity 10) tells what each node scored with each plugin.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findExecutable } from '../../bench/target/executables.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Node } from '../../src/api/types/core-v1.ts';
import { Client } from '../../src/client/client.ts';
import { namespaces, nodes, serviceAccounts } from '../../src/client/resources.ts';
import { exchangeTransport } from '../../src/client/transports/exchange.ts';
import { startApiServer } from '../../src/cluster/api-server.ts';
import { administrator } from '../../src/cluster/identities.ts';
import { writeKubeconfig } from '../../src/cluster/pki/kubeconfig.ts';
import { componentSubjects } from '../../src/cluster/pki/pki.ts';
import { temporaryDirectory } from '../../src/storage/conformance/temporary-directory.ts';

const executable = findExecutable('kube-scheduler');

/** Why there is no judge, or undefined where there is one. */
export const withoutUpstream: string | undefined = executable ? undefined : 'no kube-scheduler of Kubernetes v1.36 in PATH';

/** Until the informers of the other process have what was written. */
export const newsMs = 300;

/** An API server of ours whose only scheduler is upstream's. Nobody else is there: no controllers, no nodes but those that are made. */
export class JudgedServer {
  readonly client: Client;
  readonly upstream: UpstreamScheduler;
  readonly #stop: () => Promise<void>;

  private constructor(client: Client, upstream: UpstreamScheduler, stop: () => Promise<void>) {
    this.client = client;
    this.upstream = upstream;
    this.#stop = stop;
  }

  static async start(): Promise<JudgedServer> {
    const directory = temporaryDirectory();
    const clock = systemClock();
    const server = await startApiServer({ datastore: 'memory', dataDir: directory.path, host: '127.0.0.1', port: 0, clock, random: systemRandom(), logger: silentLogger });
    const kubeconfig = join(directory.path, 'kubeconfig');
    const { admin } = componentSubjects;
    writeKubeconfig(kubeconfig, { server: `https://127.0.0.1:${server.port}`, authorityCertificate: server.pki.authorityCertificate, user: admin.commonName, issue: () => server.pki.issueClientCertificate(admin), clock });
    const upstream = new UpstreamScheduler(kubeconfig, directory.path);
    return new JudgedServer(new Client(exchangeTransport(server.handler, administrator), { clock }), upstream, async () => {
      await upstream.stop();
      await server.stop();
      directory.remove();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }

  async createNamespace(name: string): Promise<void> {
    await this.client.create(namespaces, { metadata: { name }, spec: {} });
    await this.client.create(serviceAccounts, { metadata: { name: 'default', namespace: name } });
  }

  /** Without the taint that new nodes get until they are Ready. */
  async createNode(node: Node): Promise<Node> {
    const created = await this.client.create(nodes, node);
    return this.client.update(nodes, { ...created, spec: { ...created.spec, taints: node.spec?.taints ?? [] } });
  }
}

/** Weighted and normalized, by plugin and node. */
export type Scores = ReadonlyMap<string, ReadonlyMap<string, number>>;

const line = /"Plugin scored node for pod" pod="[^"/]*\/([^"]*)" plugin="([^"]*)" node="([^"]*)" score=(-?\d+)/;

export class UpstreamScheduler {
  readonly #scores = new Map<string, Map<string, Map<string, number>>>();
  readonly #process;

  constructor(kubeconfig: string, directory: string) {
    const config = join(directory, 'kube-scheduler.yaml');
    writeFileSync(
      config,
      JSON.stringify({
        apiVersion: 'kubescheduler.config.k8s.io/v1',
        kind: 'KubeSchedulerConfiguration',
        clientConnection: { kubeconfig, qps: 1000, burst: 1000 },
        leaderElection: { leaderElect: false },
      }),
    );
    this.#process = spawn(executable ?? '', [`--config=${config}`, '--secure-port=0', '-v=10'], { stdio: ['ignore', 'ignore', 'pipe'] });
    createInterface({ input: this.#process.stderr }).on('line', (text) => this.#read(text));
  }

  /** Empty where only one node came into question, which is then not scored. */
  scoresOf(pod: string): Scores {
    return this.#scores.get(pod) ?? new Map();
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.kill();
    await gone;
  }

  #read(text: string): void {
    const match = line.exec(text);
    if (!match) return;
    const [, pod = '', plugin = '', node = '', score] = match;
    const ofPod = this.#scores.get(pod) ?? new Map<string, Map<string, number>>();
    this.#scores.set(pod, ofPod);
    ofPod.set(plugin, (ofPod.get(plugin) ?? new Map<string, number>()).set(node, Number(score)));
  }
}
