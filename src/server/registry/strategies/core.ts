/** The rest of core/v1: nodes, namespaces, volumes, replication controllers, and what only holds data. */
import type { KubeObject } from '../../../api/object.ts';
import type { Namespace, Node, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec, ReplicationController } from '../../../api/types/core-v1.ts';
import { path } from '../../../api/validation/field-path.ts';
import type { Strategy } from '../strategy.ts';
import { podNameWarnings } from './apps.ts';
import { warnAboutSpec } from './pod-warnings.ts';
import { strategyOf } from './status-and-generation.ts';
import { timeText } from './time-text.ts';

const eventsLastSeconds = 3600;
const unconditional: Strategy = { allowUnconditionalUpdate: true };
const nameLabel = 'kubernetes.io/metadata.name';

/** By the finalizer `kubernetes` a namespace stays until everything in it is gone. */
function prepareNewNamespace(object: KubeObject): void {
  const namespace = object as unknown as Namespace;
  const finalizers = namespace.spec?.finalizers ?? [];
  namespace.spec = { ...namespace.spec, finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] };
  labelWithName(object);
}

function isNotEmpty(object: KubeObject): boolean {
  return ((object as unknown as Namespace).spec?.finalizers?.length ?? 0) > 0;
}

function showTerminating(object: KubeObject): void {
  object['status'] = { ...(object['status'] as object | undefined), phase: 'Terminating' };
}

/** A client cannot take it off. */
function labelWithName(object: KubeObject): void {
  const { name = '', labels } = object.metadata;
  if (labels?.[nameLabel] !== name) object.metadata.labels = { ...labels, [nameLabel]: name };
}

function prepareChangedNamespace(object: KubeObject, old: KubeObject): void {
  const { finalizers } = (old as unknown as Namespace).spec ?? {};
  const spec = { ...(object as unknown as Namespace).spec };
  if (finalizers) spec.finalizers = finalizers;
  else delete spec.finalizers;
  object['spec'] = spec;
  labelWithName(object);
}

/** `finalize` sets the finalizers of the spec, and nothing of the status. */
function prepareFinalize(object: KubeObject, old: KubeObject, name: string): boolean {
  if (name !== 'finalize') return false;
  object['status'] = old['status'];
  return true;
}

function prepareNewNode(object: KubeObject): void {
  const node = object as unknown as Node;
  if (node.spec?.configSource) node.spec = { ...node.spec, configSource: undefined };
}

function nodeWarnings(object: KubeObject): string[] {
  const { spec } = object as unknown as Node;
  const warnings: string[] = [];
  if (spec?.configSource) warnings.push('spec.configSource: the feature is removed');
  if (spec?.externalID) warnings.push('spec.externalID: this field is deprecated, and is unused by Kubernetes');
  return warnings;
}

const volumeRules = strategyOf({
  status: { phase: 'Pending' },
  create: (object, { now }) => {
    object['status'] = { phase: 'Pending', lastPhaseTransitionTime: timeText(now) };
  },
  subresource: (object, old, name, { now }) => {
    if (name === 'status') stampPhase(object, old, now);
    return false;
  },
});

/** The time of the last change of phase, unless its writer says so itself. */
function stampPhase(object: KubeObject, old: KubeObject, now: number): void {
  const { status = {} } = object as unknown as PersistentVolume;
  const before = (old as unknown as PersistentVolume).status ?? {};
  const time = status.lastPhaseTransitionTime;
  if (status.phase === before.phase) {
    if (time === undefined) object['status'] = { ...status, lastPhaseTransitionTime: before.lastPhaseTransitionTime };
  } else if (time === undefined || time === before.lastPhaseTransitionTime) {
    object['status'] = { ...status, lastPhaseTransitionTime: timeText(now) };
  }
}

/** dataSource and dataSourceRef mirror each other; of the old field only the two kinds it ever knew are kept. */
function mirrorDataSources(object: KubeObject): void {
  const claim = object as unknown as PersistentVolumeClaim;
  const spec: PersistentVolumeClaimSpec = { ...claim.spec };
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef && !isOldDataSource(dataSource)) delete spec.dataSource;
  else if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  else if (!dataSource && dataSourceRef && !dataSourceRef.namespace) {
    const { namespace: _, ...source } = dataSourceRef;
    spec.dataSource = source;
  }
  claim.spec = spec;
}

function isOldDataSource({ apiGroup, kind }: { apiGroup?: string | undefined; kind: string }): boolean {
  return (kind === 'PersistentVolumeClaim' && !apiGroup) || (kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io');
}

function controllerWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const warnings = podNameWarnings(object, old);
  const spec = (object as unknown as ReplicationController).spec?.template?.spec;
  if (spec && !old) warnAboutSpec(warnings, spec, path('template', 'spec'));
  return warnings;
}

export const strategies: Readonly<Record<string, Strategy>> = {
  '/namespaces': strategyOf(
    {
      status: { phase: 'Active' },
      create: prepareNewNamespace,
      update: prepareChangedNamespace,
      subresource: prepareFinalize,
    },
    { ...unconditional, returnsDeletedObject: true, holds: isNotEmpty, markDeleting: showTerminating },
  ),
  '/nodes': {
    ...strategyOf({ status: {} }, { ...unconditional, warnings: nodeWarnings }),
    // A kubelet registers with its status at once.
    prepareForCreate: prepareNewNode,
  },
  '/persistentvolumes': { ...volumeRules, ...unconditional, returnsDeletedObject: true },
  '/persistentvolumeclaims': strategyOf(
    { status: { phase: 'Pending' }, create: mirrorDataSources, update: mirrorDataSources },
    { ...unconditional, returnsDeletedObject: true },
  ),
  '/replicationcontrollers': strategyOf(
    { status: { replicas: 0 }, counted: ['spec'] },
    // v1 has orphaned the pods of a deleted controller since before there was a choice.
    { ...unconditional, defaultPropagation: 'Orphan', warnings: controllerWarnings },
  ),
  '/resourcequotas': strategyOf({ status: {} }, { ...unconditional, returnsDeletedObject: true }),
  '/limitranges': strategyOf({}, { ...unconditional, allowCreateOnUpdate: true }),
  '/podtemplates': strategyOf({ counted: ['template'] }, { ...unconditional, allowCreateOnUpdate: true, returnsDeletedObject: true }),
  '/secrets': strategyOf({}, unconditional),
  '/configmaps': strategyOf({}, unconditional),
  '/serviceaccounts': strategyOf({}, { ...unconditional, returnsDeletedObject: true }),
  '/endpoints': strategyOf({}, { ...unconditional, allowCreateOnUpdate: true }),
  '/events': strategyOf({}, { ...unconditional, allowCreateOnUpdate: true, timeToLiveSeconds: eventsLastSeconds }),
};
