/**
 * The pods that a folder on the machine asks for, without any API: a file each,
 * YAML or JSON. The folder is looked at now and then, and when it says that it
 * has changed. A file that cannot be read or understood is as if it were not
 * there, and said so in the log.
 */
import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { applyDefaults } from '../../../api/defaulting/defaulters.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import type { Clock } from '../../../base/clock.ts';
import { formatTime } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import { hashAnnotation, sourceAnnotation } from './managed-node.ts';

export interface ManifestsOptions {
  readonly folder: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const seenAnnotation = 'kubernetes.io/config.seen';

const periodMs = 20_000;
/** What an editor does to a file comes in several steps. */
const restMs = 100;

/** Calls `onPods` with all of them, at once and after each look, until the signal aborts. */
export async function followManifests(options: ManifestsOptions, signal: AbortSignal, onPods: (pods: readonly Pod[]) => void): Promise<void> {
  const { folder, clock } = options;
  let wake = () => {};
  const watcher = watchFolder(folder, () => wake());
  signal.addEventListener('abort', () => watcher?.close(), { once: true });
  while (!signal.aborted) {
    const pods = await readManifests(options);
    if (signal.aborted) return;
    onPods(pods);
    await new Promise<void>((resolve) => {
      const timer = clock.after(periodMs, resolve);
      wake = () => {
        timer.cancel();
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
    });
    await clock.sleep(restMs, signal).catch(() => {});
  }
}

/** Undefined where the folder is not there: the next look will find it. */
function watchFolder(folder: string, onChange: () => void): ReturnType<typeof watch> | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

export async function readManifests({ folder, nodeName, clock, logger }: ManifestsOptions): Promise<Pod[]> {
  const files = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('.')).toSorted();
  const pods: Pod[] = [];
  for (const file of files) {
    const path = join(folder, file);
    try {
      pods.push(podOf(await readFile(path, 'utf8'), path, nodeName, clock.now()));
    } catch (error) {
      logger.warn('a manifest is not a pod', { file: path, error });
    }
  }
  return pods;
}

/** Its uid is what the file says, so that a changed file is another pod. */
export function podOf(text: string, path: string, nodeName: string, nowMs: number): Pod {
  const pod = parse(text) as Pod | null;
  if (pod?.kind !== 'Pod' || !pod.metadata?.name || !pod.spec?.containers?.length) throw new Error('not a Pod with a name and containers');
  const uid = pod.metadata.uid ?? createHash('md5').update(JSON.stringify(pod)).update(`host:${nodeName}file:${path}`).digest('hex');
  const toleration = { operator: 'Exists', effect: 'NoExecute' };
  const made: Pod = {
    ...pod,
    metadata: {
      ...pod.metadata,
      name: `${pod.metadata.name}-${nodeName}`.toLowerCase(),
      namespace: pod.metadata.namespace ?? 'default',
      uid,
      annotations: { ...pod.metadata.annotations, [hashAnnotation]: uid, [seenAnnotation]: formatTime(nowMs), [sourceAnnotation]: 'file' },
    },
    spec: { ...pod.spec, nodeName, tolerations: [...(pod.spec.tolerations ?? []), toleration] },
    status: { phase: 'Pending' },
  };
  applyDefaults('', 'v1', 'Pod', made as object as KubeObject);
  return made;
}
