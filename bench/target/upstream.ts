/**
 * Kubernetes as its own project builds it: etcd, kube-apiserver,
 * kube-controller-manager and kube-scheduler, as executables of the user's,
 * with certificates from our PKI. Limits that would measure themselves (client
 * QPS, requests in flight) are raised out of the way; all else is as it comes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { writeKubeconfig } from '../../src/cluster/pki/kubeconfig.ts';
import { componentSubjects, loadOrCreatePki, type ClientSubject, type Pki } from '../../src/cluster/pki/pki.ts';
import { Api } from '../lib/api.ts';
import type { WatchedProcess } from '../lib/usage.ts';
import { startEtcd } from './etcd.ts';
import { findExecutable } from './executables.ts';
import { startFleet } from './fleet.ts';
import { freePort } from './free-port.ts';
import { ManagedProcess } from './managed-process.ts';
import type { ClusterShape, System, Target } from './target.ts';

const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
type Program = (typeof programs)[number];

const clientQps = 5000;
const inFlight = { reading: 4000, mutating: 2000 };
const serviceNetwork = '10.96.0.0/12';
const lookMs = 50;
/** Its files have kubeadm's names, which the flags below refer to. */
const pkiFolder = 'pki';

/** Throws, saying which, where executables are missing. `directory` is looked into before PATH. */
export function upstreamSystem(directory?: string): System {
  const found = new Map(programs.map((program) => [program, findExecutable(program, directory)]));
  const missing = programs.filter((program) => found.get(program) === undefined);
  if (missing.length > 0)
    throw new Error(`upstream's ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not in PATH${directory ? ` nor in ${directory}` : ''}; put Kubernetes v1.36's executables and etcd there, or name their folder with --upstream-dir`);
  return { name: 'upstream', start: (shape) => new UpstreamCluster(found as Map<Program, string>).start(shape) };
}

class UpstreamCluster {
  readonly #executables: ReadonlyMap<Program, string>;
  readonly #directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-upstream-'));
  readonly #beganAt = performance.now();
  readonly #failure = Promise.withResolvers<never>();
  readonly #running = new Map<string, { process: ManagedProcess; role: WatchedProcess['role'] }>();

  constructor(executables: ReadonlyMap<Program, string>) {
    this.#executables = executables;
    process.once('exit', this.#remove);
    // Whoever waits for `failed` hears of it; nobody has to.
    this.#failure.promise.catch(() => {});
  }

  async start(shape: ClusterShape): Promise<Target> {
    try {
      return await this.#start(shape);
    } catch (error) {
      await this.#stop();
      throw error;
    }
  }

  async #start(shape: ClusterShape): Promise<Target> {
    const pki = await loadOrCreatePki(join(this.#directory, pkiFolder), { clock: systemClock() });
    const etcd = await startEtcd(this.#executables.get('etcd') as string, this.#directory, this.#failure.reject);
    this.#running.set('etcd', { process: etcd.process, role: 'server' });
    const port = await freePort();
    const url = `https://127.0.0.1:${port}`;
    const kubeconfigFor = (name: string, subject: ClientSubject) => this.#kubeconfig(pki, url, name, subject);
    const kubeconfig = kubeconfigFor('admin', componentSubjects.admin);
    const config = loadKubeconfig(kubeconfig);
    const startServer = async () => {
      this.#spawn('kube-apiserver', this.#serverFlags(port, etcd.endpoint));
      await this.#serverReady(kubeconfig);
    };
    await startServer();
    const api = performance.now() - this.#beganAt;
    this.#spawn('kube-scheduler', await this.#schedulerFlags(kubeconfigFor('scheduler', componentSubjects.scheduler)));
    if (shape.parts !== 'scheduler') this.#spawn('kube-controller-manager', await this.#controllerFlags(kubeconfigFor('controller-manager', componentSubjects.controllerManager)));
    const fleets = new Map<string, ManagedProcess>();
    const wanted = shape.fleets ?? (shape.nodes > 0 ? [{ prefix: 'hollow-', nodes: shape.nodes }] : []);
    await Promise.all(
      wanted.map(async (fleetShape) => {
        const fleet = startFleet(fleetShape, { kubeconfig, directory: this.#directory, onFailure: this.#failure.reject });
        this.#running.set(fleet.process.name, { process: fleet.process, role: 'fleet' });
        fleets.set(fleetShape.prefix, fleet.process);
        await fleet.ready(config);
      }),
    );
    for (const { process: running } of this.#running.values()) running.check();
    return {
      config,
      kubeconfig,
      startMs: { api, nodes: performance.now() - this.#beganAt },
      processes: () => [...this.#running].map(([name, { process: running, role }]) => ({ name, role, pid: running.pid })),
      apiServer: { kill: () => (this.#running.get('kube-apiserver') as { process: ManagedProcess }).process.kill(), start: startServer },
      fleets,
      failed: this.#failure.promise,
      stop: () => this.#stop(),
    };
  }

  #serverFlags(port: number, etcd: string): string[] {
    const file = (name: string) => join(this.#directory, pkiFolder, name);
    return [
      ...['--etcd-servers', etcd, '--bind-address', '127.0.0.1', '--advertise-address', '127.0.0.1', '--secure-port', String(port)],
      // A loopback address may not stand behind the Service `kubernetes`.
      ...['--endpoint-reconciler-type', 'none', '--service-cluster-ip-range', serviceNetwork],
      ...['--tls-cert-file', file('apiserver.crt'), '--tls-private-key-file', file('apiserver.key'), '--client-ca-file', file('ca.crt')],
      ...['--service-account-issuer', 'https://kubernetes.default.svc.cluster.local', '--service-account-key-file', file('sa.pub'), '--service-account-signing-key-file', file('sa.key')],
      ...['--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', 'NodeRestriction'],
      ...['--max-requests-inflight', String(inFlight.reading), '--max-mutating-requests-inflight', String(inFlight.mutating)],
      ...['--cert-dir', join(this.#directory, 'certs')],
    ];
  }

  async #controllerFlags(kubeconfig: string): Promise<string[]> {
    const file = (name: string) => join(this.#directory, pkiFolder, name);
    return [
      ...['--kubeconfig', kubeconfig, '--authentication-kubeconfig', kubeconfig, '--authorization-kubeconfig', kubeconfig],
      ...['--bind-address', '127.0.0.1', '--secure-port', String(await freePort()), '--cert-dir', join(this.#directory, 'certs')],
      ...['--leader-elect=false', '--use-service-account-credentials=true'],
      ...['--service-account-private-key-file', file('sa.key'), '--root-ca-file', file('ca.crt')],
      ...['--cluster-signing-cert-file', file('ca.crt'), '--cluster-signing-key-file', file('ca.key')],
      ...['--kube-api-qps', String(clientQps), '--kube-api-burst', String(clientQps)],
    ];
  }

  async #schedulerFlags(kubeconfig: string): Promise<string[]> {
    const path = join(this.#directory, 'scheduler.yaml');
    const lines = [
      'apiVersion: kubescheduler.config.k8s.io/v1',
      'kind: KubeSchedulerConfiguration',
      'leaderElection:',
      '  leaderElect: false',
      'clientConnection:',
      `  kubeconfig: ${kubeconfig}`,
      `  qps: ${clientQps}`,
      `  burst: ${clientQps}`,
    ];
    writeFileSync(path, `${lines.join('\n')}\n`);
    return [
      ...['--config', path, '--authentication-kubeconfig', kubeconfig, '--authorization-kubeconfig', kubeconfig],
      ...['--bind-address', '127.0.0.1', '--secure-port', String(await freePort()), '--cert-dir', join(this.#directory, 'certs')],
    ];
  }

  #kubeconfig(pki: Pki, server: string, name: string, subject: ClientSubject): string {
    const path = join(this.#directory, `${name}.kubeconfig`);
    writeKubeconfig(path, { server, authorityCertificate: pki.authorityCertificate, user: subject.commonName, issue: () => pki.issueClientCertificate(subject), clock: systemClock() });
    return path;
  }

  #spawn(program: Program, args: readonly string[]): void {
    const started = new ManagedProcess({ name: program, command: this.#executables.get(program) as string, args, logFile: join(this.#directory, `${program}.log`), onFailure: this.#failure.reject });
    this.#running.set(program, { process: started, role: 'server' });
  }

  async #serverReady(kubeconfig: string): Promise<void> {
    for (;;) {
      (this.#running.get('kube-apiserver') as { process: ManagedProcess }).process.check();
      const isReady = await Api.open(loadKubeconfig(kubeconfig))
        .then((api) => api.call('GET', '/readyz').finally(() => api.close()))
        .then(() => true)
        .catch(() => false);
      if (isReady) return;
      await wait(lookMs);
    }
  }

  async #stop(): Promise<void> {
    // In the order that spares them from waiting for each other: etcd was first and ends last.
    for (const { process: running } of [...this.#running.values()].reverse()) await running.stop();
    process.off('exit', this.#remove);
    this.#remove();
  }

  readonly #remove = (): void => rmSync(this.#directory, { recursive: true, force: true });
}
