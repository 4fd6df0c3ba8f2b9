/** apps/v1. */
import type { KubeObject } from '../../../api/object.ts';
import type { DaemonSet, Deployment, StatefulSet } from '../../../api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../../api/types/core-v1.ts';
import { path, type FieldPath } from '../../../api/validation/field-path.ts';
import { dnsLabel } from '../../../api/validation/names.ts';
import { equalObjects } from '../equality.ts';
import type { Strategy } from '../strategy.ts';
import { warnAboutSpec } from './pod-warnings.ts';
import { strategyOf } from './status-and-generation.ts';

/** For kinds whose pods are named after them. */
export function podNameWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const messages = old ? [] : dnsLabel(object.metadata.name ?? '');
  if (messages.length === 0) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
  ];
}

/** About the pods that the object asks for; on update only where it asks for something new. */
export function templateWarnings(
  object: KubeObject,
  old: KubeObject | undefined,
  template: PodTemplateSpec | undefined,
  at: FieldPath,
): string[] {
  const warnings: string[] = [];
  const asksAnew = !old || object.metadata.generation !== old.metadata.generation;
  if (asksAnew && template?.spec) warnAboutSpec(warnings, template.spec, at.child('spec'));
  return warnings;
}

const templatePath = path('spec', 'template');

function workloadWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const { template } = (object as unknown as Deployment).spec ?? {};
  return templateWarnings(object, old, template, templatePath);
}

function namedWorkloadWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  return [...podNameWarnings(object, old), ...workloadWarnings(object, old)];
}

function statefulSetWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const { revisionHistoryLimit = 0 } = (object as unknown as StatefulSet).spec ?? {};
  return [...workloadWarnings(object, old), ...(revisionHistoryLimit < 0 ? [negativeHistory] : [])];
}

/** Where apps/v1 keeps what was spec.templateGeneration. Clients do not set it. */
const templateGeneration = 'deprecated.daemonset.template.generation';

function setTemplateGeneration(object: KubeObject, value: string): void {
  object.metadata.annotations = { ...object.metadata.annotations, [templateGeneration]: value };
}

function prepareNewDaemonSet(object: KubeObject): void {
  const asked = Number(object.metadata.annotations?.[templateGeneration]);
  setTemplateGeneration(object, String(asked >= 1 ? asked : 1));
}

function prepareChangedDaemonSet(object: KubeObject, old: KubeObject): void {
  const before = old.metadata.annotations?.[templateGeneration] ?? '1';
  const changed = !equalObjects(
    (object as unknown as DaemonSet).spec.template,
    (old as unknown as DaemonSet).spec.template,
  );
  setTemplateGeneration(object, changed ? String(Number(before) + 1) : before);
}

const negativeHistory =
  'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended';

export const strategies: Readonly<Record<string, Strategy>> = {
  'apps/deployments': strategyOf(
    // Annotations count since they are copied to the replica sets.
    { status: {}, counted: ['spec'], countedMetadata: ['annotations'], statusKeeps: ['labels'] },
    { allowUnconditionalUpdate: true, warnings: namedWorkloadWarnings },
  ),
  'apps/replicasets': strategyOf(
    { status: { replicas: 0 }, counted: ['spec'] },
    { allowUnconditionalUpdate: true, warnings: namedWorkloadWarnings },
  ),
  'apps/daemonsets': strategyOf(
    {
      status: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
      counted: ['spec'],
      create: prepareNewDaemonSet,
      update: prepareChangedDaemonSet,
    },
    { allowUnconditionalUpdate: true, warnings: workloadWarnings },
  ),
  'apps/statefulsets': strategyOf(
    { status: { replicas: 0, availableReplicas: 0 }, counted: ['spec'] },
    {
      allowUnconditionalUpdate: true,
      warnings: statefulSetWarnings,
    },
  ),
  'apps/controllerrevisions': strategyOf({}, { allowUnconditionalUpdate: true }),
};
