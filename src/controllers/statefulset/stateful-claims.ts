/** The claims of a StatefulSet's pods: made before the pod, made again where they are missing, owned as the set's policy wants it. */
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { isAlreadyExists } from '../../client/failure.ts';
import type { Informer } from '../../client/informer.ts';
import { persistentVolumeClaims } from '../../client/resources.ts';
import { messageOf } from '../runtime/pod-control.ts';
import { isConflicting, isStale, wantedOwners } from './claim-retention.ts';
import { ordinalOf } from './stateful-plan.ts';

export function claimName(set: StatefulSet, template: string, ordinal: number): string {
  return `${template}-${set.metadata.name}-${ordinal}`;
}

export class StatefulClaims {
  readonly #client: Client;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #recorder: EventRecorder;

  constructor(client: Client, claims: Informer<PersistentVolumeClaim>, recorder: EventRecorder) {
    this.#client = client;
    this.#claims = claims;
    this.#recorder = recorder;
  }

  /** Whether the pod must wait until what is left of its predecessor is gone. */
  areStale(set: StatefulSet, pod: Pod): boolean {
    return this.#of(set, pod).some(({ claim }) => claim && isStale(set, pod.metadata.name ?? '', claim));
  }

  /** Throws where one of them is being deleted. */
  async create(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    for (const { wanted, claim } of this.#of(set, pod)) {
      if (claim?.metadata.deletionTimestamp) throw new Error(`pvc ${claim.metadata.name} is being deleted`);
      if (!claim) await this.#createOne(set, pod, wanted, signal);
    }
  }

  async own(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    for (const { claim } of this.#of(set, pod)) {
      const ownerReferences = claim && wantedOwners(set, pod, claim);
      if (!ownerReferences) continue;
      if (isConflicting(set, pod, claim)) {
        const message = `PersistentVolumeClaim ${claim.metadata.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
        this.#recorder.event(set, 'Warning', 'ConflictingController', message);
      }
      await this.#client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, ownerReferences } }, { signal });
    }
  }

  #of(set: StatefulSet, pod: Pod): { wanted: PersistentVolumeClaim; claim: PersistentVolumeClaim | undefined }[] {
    const { namespace } = set.metadata;
    return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
      const name = claimName(set, template.metadata?.name ?? '', ordinalOf(pod));
      const labels = { ...template.metadata?.labels, ...set.spec?.selector.matchLabels };
      return { wanted: { ...template, metadata: { ...template.metadata, name, namespace, labels } }, claim: this.#claims.find({ namespace, name }) };
    });
  }

  async #createOne(set: StatefulSet, pod: Pod, wanted: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    const subject = `Claim ${wanted.metadata.name} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    try {
      await this.#client.create(persistentVolumeClaims, wanted, { signal });
      this.#recorder.event(set, 'Normal', 'SuccessfulCreate', `create ${subject} success`);
    } catch (error) {
      if (isAlreadyExists(error)) return;
      if (!signal.aborted) this.#recorder.event(set, 'Warning', 'FailedCreate', `create ${subject} failed error: ${messageOf(error)}`);
      throw error;
    }
  }
}
