/** What the demo runs in the cluster. */
import type { Deployment } from '../src/api/types/apps-v1.ts';
import type { Container, Namespace, PodSpec, Service } from '../src/api/types/core-v1.ts';

export const namespace = 'demo';
export const versionLabel = 'version';
export const apps = { servers: 'web', bots: 'bots', aggregator: 'aggregator' } as const;
const ports = { web: 8080, bots: 8081, aggregator: 8082 } as const;

export interface WorkloadOptions {
  readonly image: string;
  readonly servers: number;
  readonly perBot: number;
  readonly connectionsPerBot: number;
}

/** Seconds between a server's end being decided and its being told: until then every node has taken it out of the Service. */
const drainSeconds = 4;

export function demoNamespace(): Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace }, spec: {} };
}

/** Headless ones give the pods' addresses. */
export function demoServices(): Service[] {
  return [service(apps.servers, 80, {}), service(apps.bots, ports.bots, { clusterIP: 'None' }), service(apps.aggregator, ports.aggregator, {})];
}

function service(name: keyof typeof ports, port: number, more: Partial<Service['spec']>): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { selector: { app: name }, ports: [{ name: 'http', port, targetPort: ports[name] }], ...more } as Service['spec'] };
}

/**
 * Updated without a failed request: a new server gets requests once it is ready,
 * there are never fewer than wanted, and an old one goes on answering until no
 * node sends it anything (preStop), and then until its connections are closed.
 */
export function serversDeployment({ image, servers }: WorkloadOptions, version: string): Deployment {
  const container: Container = {
    name: 'server',
    image,
    args: ['/demo/server.js'],
    env: [{ name: 'VERSION', value: version }],
    ports: [{ name: 'http', containerPort: ports.web }],
    resources: { requests: { cpu: '20m', memory: '48Mi' } },
    readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 1, timeoutSeconds: 2 },
    lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
  };
  // The same in the terms of nodes that pretend.
  const annotations = { 'hollow.coxswain.dev/start-delay': '1s', 'hollow.coxswain.dev/ready-delay': '1s', 'hollow.coxswain.dev/stop-delay': `${drainSeconds}s` };
  const surge = Math.max(1, Math.ceil(servers / 4));
  return deployment(apps.servers, servers, { annotations, labels: { [versionLabel]: version } }, container, { rollingUpdate: { maxUnavailable: 0, maxSurge: surge }, minReadySeconds: 2 });
}

/** `replicas` grow in the ramp. */
export function botsDeployment({ image, perBot, connectionsPerBot }: WorkloadOptions): Deployment {
  const env = { TARGET: `http://${apps.servers}.${namespace}/`, RATE: String(perBot), CONNECTIONS: String(connectionsPerBot) };
  return deployment(apps.bots, 0, {}, {
    name: 'bot',
    image,
    args: ['/demo/bot.js'],
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    ports: [{ name: 'http', containerPort: ports.bots }],
    resources: { requests: { cpu: '20m', memory: '48Mi' } },
    readinessProbe: { httpGet: { path: '/stats', port: 'http' }, periodSeconds: 1, timeoutSeconds: 2 },
  });
}

export function aggregatorDeployment({ image }: WorkloadOptions): Deployment {
  return deployment(apps.aggregator, 1, {}, {
    name: 'aggregator',
    image,
    args: ['/demo/aggregator.js'],
    env: [{ name: 'BOTS', value: `${apps.bots}.${namespace}.svc.cluster.local:${ports.bots}` }],
    ports: [{ name: 'http', containerPort: ports.aggregator }],
    resources: { requests: { cpu: '20m', memory: '48Mi' } },
    readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1, timeoutSeconds: 2 },
  });
}

interface TemplateMeta {
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
}

function deployment(app: string, replicas: number, meta: TemplateMeta, container: Container, more: { readonly rollingUpdate?: object; readonly minReadySeconds?: number } = {}): Deployment {
  const spec: PodSpec = {
    containers: [{ imagePullPolicy: 'IfNotPresent', ...container }],
    terminationGracePeriodSeconds: 30,
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: { app } } }],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: app },
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      ...(more.minReadySeconds ? { minReadySeconds: more.minReadySeconds } : {}),
      strategy: { type: 'RollingUpdate', ...(more.rollingUpdate ? { rollingUpdate: more.rollingUpdate } : {}) },
      template: { metadata: { labels: { app, ...meta.labels }, annotations: meta.annotations ?? {} }, spec },
    },
  };
}
