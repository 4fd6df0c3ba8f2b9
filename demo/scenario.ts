/** The course of the demo: servers, a ramp of bots, a quiet stretch, a rolling update under load, another stretch. */
import type { Deployment } from '../src/api/types/apps-v1.ts';
import type { Client } from '../src/client/client.ts';
import { isAlreadyExists, isNotFound } from '../src/client/failure.ts';
import type { ApiObject, Resource } from '../src/client/resource.ts';
import { deployments, namespaces, services } from '../src/client/resources.ts';
import type { ClusterMap } from './cluster-map.ts';
import { aggregatorDeployment, apps, botsDeployment, demoNamespace, demoServices, namespace, serversDeployment, versionLabel } from './objects.ts';
import type { WorkloadOptions } from './objects.ts';
import type { Phase } from './run.ts';

export interface ScenarioOptions extends WorkloadOptions {
  readonly bots: number;
  /** Of ramp, quiet and after together; how long the update takes is the cluster's affair. */
  readonly seconds: number;
  /** Without containers there is nobody to aggregate. */
  readonly hollow: boolean;
}

const [from, to] = ['v1', 'v2'] as const;
const rampSteps = 5;
const pollMs = 200;

export async function runScenario(client: Client, map: ClusterMap, options: ScenarioOptions, onPhase: (phase: Phase) => void, signal: AbortSignal): Promise<void> {
  const { clock } = client;
  const until = async (holds: () => boolean) => {
    while (!holds()) await clock.sleep(pollMs, signal);
  };
  onPhase('start');
  await deploy(client, options, signal);
  await until(() => map.ready(apps.servers, from) >= options.servers && (options.hollow || map.ready(apps.aggregator) > 0));

  onPhase('ramp');
  const rampMs = (options.seconds * 1000) / 4;
  for (let step = 1; step <= rampSteps; step++) {
    const bots = Math.ceil((options.bots * step) / rampSteps);
    await client.patch(deployments, { namespace, name: apps.bots }, { spec: { replicas: bots } }, { type: 'merge', signal });
    await Promise.all([until(() => map.ready(apps.bots) >= bots), clock.sleep(rampMs / rampSteps, signal)]);
  }

  onPhase('before');
  await clock.sleep(options.seconds * 500, signal);

  onPhase('update');
  const patch = { metadata: { labels: { [versionLabel]: to } }, spec: serversDeployment(options, to).spec.template.spec };
  await client.patch<Deployment>(deployments, { namespace, name: apps.servers }, { spec: { template: patch } }, { type: 'strategic', signal });
  await until(() => map.ready(apps.servers, to) >= options.servers && map.count(apps.servers, from) === 0);

  onPhase('after');
  await clock.sleep(options.seconds * 250, signal);
}

async function deploy(client: Client, options: ScenarioOptions, signal: AbortSignal): Promise<void> {
  await create(client, namespaces, demoNamespace(), signal);
  for (const service of demoServices()) await create(client, services, service, signal);
  const wanted = [serversDeployment(options, from), botsDeployment(options), ...(options.hollow ? [] : [aggregatorDeployment(options)])];
  for (const deployment of wanted) await create(client, deployments, deployment, signal);
}

async function create<T extends ApiObject>(client: Client, resource: Resource<T>, object: T, signal: AbortSignal): Promise<void> {
  try {
    await client.create(resource, object, { signal });
  } catch (error) {
    if (isAlreadyExists(error)) throw new Error(`the cluster has a ${object.kind} ${object.metadata.name} already: is another demo running? Delete the namespace ${namespace} first`);
    throw error;
  }
}

/** Resolves when nothing of the demo is left; a cluster that goes with the demo needs no cleaning. */
export async function removeDemo(client: Client): Promise<void> {
  await client.delete(namespaces, { name: namespace }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
