/**
 * A container may mount a volume inside of another one. The outer one is
 * read-only to the runtime, so that the mount point has to be there before.
 */
import { mkdir } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { Pod } from '../../../../api/types/core-v1.ts';

/** Where in the volume others are mounted. */
export function nestedMountPoints(volume: string, { spec }: Pod): string[] {
  const found = new Set<string>();
  for (const { volumeMounts = [] } of [...(spec.initContainers ?? []), ...spec.containers]) {
    const paths = volumeMounts.map(({ mountPath }) => normalize(`${mountPath}/`));
    const own = volumeMounts.filter(({ name, subPath, subPathExpr }) => name === volume && !subPath && !subPathExpr).map(({ mountPath }) => normalize(`${mountPath}/`));
    for (const outer of own) {
      const inside = paths.filter((path) => path !== outer && path.startsWith(outer));
      // What lies in a volume between is that volume's.
      for (const path of inside) if (!inside.some((other) => other !== path && path.startsWith(other))) found.add(path.slice(outer.length, -1));
    }
  }
  return [...found];
}

export async function makeNestedMountPoints(directory: string, volume: string, pod: Pod): Promise<void> {
  for (const point of nestedMountPoints(volume, pod)) await mkdir(join(directory, point), { recursive: true, mode: 0o755 });
}
