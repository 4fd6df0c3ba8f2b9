/** apps/v1: update strategies, history, and the templates within. */
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../types/apps-v1.ts';
import { defaultPodTemplate } from './core-pod.ts';
import { defaultClaimSpec } from './core-parts.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

const revisionHistoryLimit = 10;
const progressDeadlineSeconds = 600;

function defaultDeployment(deployment: Deployment): void {
  const spec = deployment.spec;
  deployment.status ??= {};
  if (!spec) return;
  spec.replicas ??= 1;
  const strategy = (spec.strategy ??= {});
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rollingUpdate = (strategy.rollingUpdate ??= {});
    rollingUpdate.maxUnavailable ??= '25%';
    rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= revisionHistoryLimit;
  spec.progressDeadlineSeconds ??= progressDeadlineSeconds;
  defaultPodTemplate(spec.template);
}

function defaultReplicaSet(replicaSet: ReplicaSet): void {
  replicaSet.status ??= { replicas: 0 };
  if (!replicaSet.spec) return;
  replicaSet.spec.replicas ??= 1;
  defaultPodTemplate(replicaSet.spec.template);
}

/** The template's generation has no field in this version: upstream shows it as an annotation, whether it counts yet or not. */
const templateGeneration = 'deprecated.daemonset.template.generation';

function defaultDaemonSet(daemonSet: DaemonSet): void {
  ((daemonSet.metadata ??= {}).annotations ??= {})[templateGeneration] ??= '0';
  daemonSet.status ??= {
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
  };
  const spec = daemonSet.spec;
  if (!spec) return;
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rollingUpdate = (strategy.rollingUpdate ??= {});
    rollingUpdate.maxUnavailable ??= 1;
    rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= revisionHistoryLimit;
  defaultPodTemplate(spec.template);
}

function defaultStatefulSet(statefulSet: StatefulSet): void {
  statefulSet.status ??= { replicas: 0, availableReplicas: 0 };
  statefulSet.status.availableReplicas ??= 0;
  const spec = statefulSet.spec;
  if (!spec) return;
  spec.serviceName ??= '';
  spec.podManagementPolicy ||= 'OrderedReady';
  const strategy = (spec.updateStrategy ??= {});
  if (!strategy.type) {
    strategy.type = 'RollingUpdate';
    strategy.rollingUpdate ??= {};
  }
  // An explicit RollingUpdate without parameters stays without them.
  if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) strategy.rollingUpdate.partition ??= 0;
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  retention.whenDeleted ||= 'Retain';
  retention.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= revisionHistoryLimit;
  defaultPodTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    // Claims are whole objects here, and are shown as such.
    claim.apiVersion ||= 'v1';
    claim.kind ||= 'PersistentVolumeClaim';
    claim.spec ??= {};
    defaultClaimSpec(claim.spec);
    claim.status ??= {};
    claim.status.phase ||= 'Pending';
  }
}

export const defaulters: Defaulters = {
  'apps/v1/Deployment': defaulter<Deployment>(defaultDeployment),
  'apps/v1/ReplicaSet': defaulter<ReplicaSet>(defaultReplicaSet),
  'apps/v1/DaemonSet': defaulter<DaemonSet>(defaultDaemonSet),
  'apps/v1/StatefulSet': defaulter<StatefulSet>(defaultStatefulSet),
  'apps/v1/ControllerRevision': defaulter<ControllerRevision>((revision) => void (revision.revision ??= 0)),
};
