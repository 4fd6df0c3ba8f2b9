/**
 * Volumes whose files come from the API: configMap, secret, downwardAPI and
 * projected, which is any number of the others in one. They differ in their
 * sources and in where their files lie: what is secret never reaches a disk.
 */
import type { ConfigMapVolumeSource, DownwardAPIVolumeFile, Pod, ProjectedVolumeSource, SecretVolumeSource, Volume, VolumeProjection } from '../../../../api/types/core-v1.ts';
import { assert } from '../../../../base/assert.ts';
import { metadataField, resourceFieldOf } from '../../downward-api.ts';
import { own } from '../ownership.ts';
import { makeMemoryDirectory, makeOpenDirectory } from '../plugins/empty-dir.ts';
import type { VolumeHost, VolumePlugin } from '../volume-plugin.ts';
import { writeAtomically } from './atomic-writer.ts';
import type { FileContent } from './atomic-writer.ts';
import type { FileModes, FileSource } from './file-source.ts';
import { makeNestedMountPoints } from './nested-mount-points.ts';
import { configMapSource, secretSource } from './object-sources.ts';
import { commonUser } from './pod-user.ts';
import { tokenSource } from './token-source.ts';

const modeDefault = 0o644;
/** An fsGroup adds the group's bits to it. */
const guardedMode = 0o600;

interface Kind {
  readonly name: string;
  readonly inMemory: boolean;
  defaultMode(volume: Volume): number | undefined;
  sources(volume: Volume, modes: FileModes): readonly FileSource[];
}

export function configMapPlugin(host: VolumeHost): VolumePlugin {
  const source = ({ configMap }: Volume) => configMap as ConfigMapVolumeSource;
  return filesPlugin(host, {
    name: 'kubernetes.io/configmap',
    inMemory: false,
    defaultMode: (volume) => source(volume).defaultMode,
    sources: (volume, { defaultMode }) => [configMapSource(host.objects, source(volume), defaultMode)],
  });
}

export function secretPlugin(host: VolumeHost): VolumePlugin {
  const source = ({ secret }: Volume) => secret as SecretVolumeSource;
  return filesPlugin(host, {
    name: 'kubernetes.io/secret',
    inMemory: true,
    defaultMode: (volume) => source(volume).defaultMode,
    sources: (volume, { defaultMode }) => [secretSource(host.objects, { ...source(volume), name: source(volume).secretName }, defaultMode)],
  });
}

export function downwardApiPlugin(host: VolumeHost): VolumePlugin {
  return filesPlugin(host, {
    name: 'kubernetes.io/downward-api',
    inMemory: true,
    defaultMode: ({ downwardAPI }) => downwardAPI?.defaultMode,
    sources: ({ downwardAPI }, { defaultMode }) => [downwardSource(host, downwardAPI?.items ?? [], defaultMode)],
  });
}

export function projectedPlugin(host: VolumeHost): VolumePlugin {
  const source = ({ projected }: Volume) => projected as ProjectedVolumeSource;
  return filesPlugin(host, {
    name: 'kubernetes.io/projected',
    inMemory: true,
    defaultMode: (volume) => source(volume).defaultMode,
    sources: (volume, modes) => (source(volume).sources ?? []).map((projection) => projectionSource(host, projection, modes)),
  });
}

function projectionSource(host: VolumeHost, { configMap, secret, downwardAPI, serviceAccountToken, ...other }: VolumeProjection, modes: FileModes): FileSource {
  const { defaultMode } = modes;
  if (configMap) return configMapSource(host.objects, configMap, defaultMode);
  if (secret) return secretSource(host.objects, secret, defaultMode);
  if (downwardAPI) return downwardSource(host, downwardAPI.items ?? [], defaultMode);
  if (serviceAccountToken) return tokenSource(host, serviceAccountToken, modes);
  return { collect: () => Promise.reject(new Error(`unsupported projection: ${Object.keys(other).join(', ')}`)) };
}

function downwardSource(host: VolumeHost, items: readonly DownwardAPIVolumeFile[], defaultMode: number): FileSource {
  return {
    async collect(pod) {
      const files = new Map<string, FileContent>();
      for (const { path, mode, fieldRef, resourceFieldRef } of items) {
        let text = '';
        if (fieldRef) text = metadataField(pod, fieldRef.fieldPath);
        else if (resourceFieldRef) text = resourceFieldOf(pod, resourceFieldRef, host.node()?.status?.allocatable);
        files.set(path, { data: Buffer.from(text), mode: mode ?? defaultMode });
      }
      return files;
    },
  };
}

function filesPlugin(host: VolumeHost, kind: Kind): VolumePlugin {
  return {
    name: kind.name,
    async mount({ pod, volume }) {
      const path = host.directories.volume(pod.metadata.uid ?? '', kind.name, volume.name);
      const defaultMode = kind.defaultMode(volume) ?? modeDefault;
      const uid = commonUser(pod);
      const { fsGroup } = pod.spec.securityContext ?? {};
      const guarded = uid === undefined && fsGroup === undefined ? { mode: defaultMode, uid } : { mode: guardedMode, uid };
      const sources = kind.sources(volume, { defaultMode, guarded });
      const refresh = async (current: Pod) => {
        const files = await collectAll(sources, current);
        await writeAtomically(path, files, {
          nowMs: host.clock.now(),
          prepare: () => own(path, { fsGroup, onRootMismatch: false, readOnly: true }),
        });
      };
      // Nothing is made for files that cannot be had.
      await collectAll(sources, pod);
      if (kind.inMemory) await makeMemoryDirectory(path, undefined);
      else await makeOpenDirectory(path);
      await makeNestedMountPoints(path, volume.name, pod);
      await refresh(pod);
      return { path, readOnly: true, onDisk: !kind.inMemory, refresh, refreshDueAt: () => Math.min(...sources.map(({ dueAt }) => dueAt?.() ?? Infinity)) };
    },
  };
}

async function collectAll(sources: readonly FileSource[], pod: Pod): Promise<Map<string, FileContent>> {
  const outcomes = await Promise.allSettled(sources.map((source) => source.collect(pod)));
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => (reason as Error).message);
  if (failures.length === 1) throw new Error(failures[0]);
  if (failures.length > 1) throw new Error(`[${failures.join(', ')}]`);
  const all = new Map<string, FileContent>();
  for (const outcome of outcomes) {
    assert(outcome.status === 'fulfilled', 'failures have been thrown');
    for (const [path, file] of outcome.value) all.set(path, file);
  }
  return all;
}
