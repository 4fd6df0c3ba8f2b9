/** Connects a scheduler to the API: informers feed it, and its decisions become writes. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';
import type { Random } from '../base/random.ts';
import { labelSelectorOf, selectorFromLabels } from '../api/selectors/label-selector.ts';
import type { LabelSelector } from '../api/selectors/label-selector.ts';
import type { LabelSelector as LabelSelectorSpec } from '../api/types/meta-v1.ts';
import type { Pod, ReplicationController, Service } from '../api/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import { objectPath } from '../client/client.ts';
import { EventRecorder } from '../client/event-recorder.ts';
import type { InformerHandler } from '../client/informer.ts';
import type { InformerSet } from '../client/informer-set.ts';
import type { ApiObject, Resource } from '../client/resource.ts';
import {
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  services,
  statefulSets,
  storageClasses,
} from '../client/resources.ts';
import type { Owners } from './plugins/owners.ts';
import type { VolumeListers } from './plugins/volume-listers.ts';
import type { SchedulerApi } from './scheduler-api.ts';
import { Scheduler } from './scheduler.ts';

export interface StartSchedulerOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly signal: AbortSignal;
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  readonly bindingsMax?: number;
}

/** Begins to schedule once the informers it needs have synced; ends with the signal. */
export function startScheduler(options: StartSchedulerOptions): Scheduler {
  const { client, informers, clock, logger, signal } = options;
  const schedulerName = options.schedulerName ?? 'default-scheduler';
  const recorder = new EventRecorder(client, { clock, logger, component: schedulerName, queueMax: 50_000 });
  const scheduler = new Scheduler({
    ...options,
    schedulerName,
    api: schedulerApi(client, recorder),
    owners: ownersFrom(informers),
    volumes: volumesFrom(informers),
    budgets: () => informers.get(podDisruptionBudgets).values(),
    currentPod: (key) => informers.get(pods).get(key),
  });
  const namespaceInformer = informers.get(namespaces);
  scheduler.snapshot.namespaceLabels = (name) => namespaceInformer.get(name)?.metadata.labels ?? {};
  feed(scheduler, informers);
  signal.addEventListener(
    'abort',
    () => {
      scheduler.stop();
      recorder.close();
    },
    { once: true },
  );
  Promise.all(needed.map((resource) => informers.get(resource).synced(signal))).then(
    () => scheduler.start(),
    () => {},
  );
  return scheduler;
}

const needed: readonly Resource[] = [
  nodes,
  pods,
  namespaces,
  services,
  replicationControllers,
  replicaSets,
  statefulSets,
  podDisruptionBudgets,
  persistentVolumeClaims,
  persistentVolumes,
  storageClasses,
  csiNodes,
  csiDrivers,
  csiStorageCapacities,
];

function schedulerApi(client: Client, recorder: EventRecorder): SchedulerApi {
  return {
    bind: (pod, nodeName) => client.bind(pod.metadata, nodeName),
    async patchPodStatus(pod, status) {
      const body = { metadata: { uid: pod.metadata.uid }, status };
      await client.send('PATCH', `${objectPath(pods, pod.metadata)}/status`, body, { contentType: 'application/strategic-merge-patch+json' });
    },
    async deletePod({ metadata }) {
      await client.delete(pods, metadata, metadata.uid === undefined ? {} : { preconditions: { uid: metadata.uid } });
    },
    record: (pod, type, reason, message) => recorder.event(referenceTo(pod), type, reason, message),
  };
}

function referenceTo({ metadata }: Pod) {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid, resourceVersion };
}

function feed(scheduler: Scheduler, informers: InformerSet): void {
  const { snapshot } = scheduler;
  informers.get(nodes).addHandler({
    onAdd: (node) => scheduler.setNode(node),
    onUpdate: (_, node) => scheduler.setNode(node),
    onDelete: (node) => scheduler.removeNode(node),
  });
  informers.get(pods).addHandler({
    onAdd: (pod) => scheduler.setPod(pod),
    onUpdate: (_, pod) => scheduler.setPod(pod),
    onDelete: (pod) => scheduler.removePod(pod),
  });
  const invalidating = (kind: 'volumes' | 'services' | 'namespaces') => () => {
    snapshot.invalidate();
    scheduler.notify({ kind });
  };
  const volumes = invalidating('volumes');
  for (const resource of [persistentVolumeClaims, persistentVolumes, storageClasses, csiNodes, csiDrivers, csiStorageCapacities] as readonly Resource[]) {
    informers.get(resource).addHandler({ onAdd: volumes, onUpdate: volumes, onDelete: volumes });
  }
  // Most changes of these say nothing of whom they select; only those that do make old work void.
  const owners = invalidating('services');
  informers.get(services).addHandler(whenDiffers<Service>((service) => service.spec?.selector, owners));
  informers.get(replicationControllers).addHandler(whenDiffers<ReplicationController>((controller) => controller.spec?.selector, owners));
  for (const resource of [replicaSets, statefulSets]) {
    informers.get(resource as Resource<Selecting>).addHandler(whenDiffers<Selecting>((owner) => owner.spec?.selector, owners));
  }
  informers.get(namespaces).addHandler(whenDiffers((namespace) => namespace.metadata.labels, invalidating('namespaces')));
}

interface Selecting extends ApiObject {
  spec?: { selector?: LabelSelectorSpec | undefined } | undefined;
}

function whenDiffers<T extends ApiObject>(part: (object: T) => unknown, callback: () => void): InformerHandler<T> {
  return {
    onAdd: callback,
    onUpdate: (before, after) => {
      if (JSON.stringify(part(before)) !== JSON.stringify(part(after))) callback();
    },
    onDelete: callback,
  };
}

function ownersFrom(informers: InformerSet): Owners {
  const serviceInformer = informers.get(services);
  serviceInformer.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
  return {
    *serviceSelectors(namespace) {
      for (const { spec } of serviceInformer.byIndex('namespace', namespace)) if (spec?.selector) yield spec.selector;
    },
    controllerSelector(namespace, kind, name): LabelSelector | undefined {
      if (kind === 'ReplicationController') {
        const selector = informers.get(replicationControllers).find({ namespace, name })?.spec?.selector;
        return selector && selectorFromLabels(selector);
      }
      const resource = kind === 'ReplicaSet' ? replicaSets : kind === 'StatefulSet' ? statefulSets : undefined;
      const owner = resource && informers.get(resource as Resource<Selecting>).find({ namespace, name });
      return owner?.spec?.selector && labelSelectorOf(owner.spec.selector);
    },
  };
}

function volumesFrom(informers: InformerSet): VolumeListers {
  return {
    claim: (namespace, name) => informers.get(persistentVolumeClaims).find({ namespace, name }),
    volume: (name) => informers.get(persistentVolumes).get(name),
    volumes: () => informers.get(persistentVolumes).values(),
    storageClass: (name) => informers.get(storageClasses).get(name),
    csiNode: (nodeName) => informers.get(csiNodes).get(nodeName),
    csiDriver: (name) => informers.get(csiDrivers).get(name),
    storageCapacities: () => informers.get(csiStorageCapacities).values(),
  };
}
