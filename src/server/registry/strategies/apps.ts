/** apps/v1. */
import type { KubeObject } from '../../../api/object.ts';
import type { DaemonSet } from '../../../api/types/apps-v1.ts';
import { dnsLabel } from '../../../api/validation/names.ts';
import { equalObjects } from '../equality.ts';
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

/** For kinds whose pods are named after them. */
export function podNameWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const messages = old ? [] : dnsLabel(object.metadata.name ?? '');
  if (messages.length === 0) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
  ];
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
  const changed = !equalObjects((object as unknown as DaemonSet).spec.template, (old as unknown as DaemonSet).spec.template);
  setTemplateGeneration(object, changed ? String(Number(before) + 1) : before);
}

const negativeHistory =
  'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended';

export const strategies: Readonly<Record<string, Strategy>> = {
  'apps/deployments': strategyOf(
    // Annotations count since they are copied to the replica sets.
    { status: {}, counted: ['spec'], countedMetadata: ['annotations'], statusKeeps: ['labels'] },
    { allowUnconditionalUpdate: true, warnings: podNameWarnings },
  ),
  'apps/replicasets': strategyOf(
    { status: { replicas: 0 }, counted: ['spec'] },
    { allowUnconditionalUpdate: true, warnings: podNameWarnings },
  ),
  'apps/daemonsets': strategyOf(
    {
      status: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
      counted: ['spec'],
      create: prepareNewDaemonSet,
      update: prepareChangedDaemonSet,
    },
    { allowUnconditionalUpdate: true },
  ),
  'apps/statefulsets': strategyOf(
    { status: { replicas: 0, availableReplicas: 0 }, counted: ['spec'] },
    {
      allowUnconditionalUpdate: true,
      warnings: ({ spec }) => ((spec as { revisionHistoryLimit?: number }).revisionHistoryLimit! < 0 ? [negativeHistory] : []),
    },
  ),
  'apps/controllerrevisions': strategyOf({}, { allowUnconditionalUpdate: true }),
};
