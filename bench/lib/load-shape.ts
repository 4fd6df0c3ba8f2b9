/** How the pods of the load tests are divided among the objects that own them. */

export interface Group {
  readonly name: 'big' | 'medium' | 'small';
  readonly size: number;
  readonly count: number;
}

const bigSize = 250;
const mediumSize = 30;
const smallSize = 5;

/** Kubernetes 1.2's: a quarter of the pods in groups of 250, a third of the rest in groups of 30, what is left in groups of 5. */
export function groupsOf(pods: number): Group[] {
  const big = Math.floor(pods / 4 / bigSize);
  const rest = pods - big * bigSize;
  const medium = Math.floor(rest / 3 / mediumSize);
  const small = Math.floor((rest - medium * mediumSize) / smallSize);
  return [
    { name: 'big', size: bigSize, count: big },
    { name: 'medium', size: mediumSize, count: medium },
    { name: 'small', size: smallSize, count: small },
  ];
}

export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'Job';

export interface WorkloadGroup extends Group {
  readonly kind: WorkloadKind;
}

/**
 * clusterloader2's, of one namespace: a quarter of the pods in big groups, a
 * quarter in medium ones, half in small ones. One of each size is a Job, one
 * small and one medium are StatefulSets, the others are Deployments.
 */
export function workloadsOf(pods: number): WorkloadGroup[] {
  const shares = [
    { name: 'big', size: bigSize, count: Math.floor(pods / (4 * bigSize)), sets: 0 },
    { name: 'medium', size: mediumSize, count: Math.floor(pods / (4 * mediumSize)), sets: 1 },
    { name: 'small', size: smallSize, count: Math.floor(pods / (2 * smallSize)), sets: 1 },
  ] as const;
  return shares.flatMap(({ name, size, count, sets }) => {
    // A namespace too small for all kinds has Deployments first.
    const statefulSets = Math.min(sets, Math.max(0, count - 1));
    const jobs = Math.min(1, Math.max(0, count - 1 - statefulSets));
    return [
      { kind: 'Deployment' as const, name, size, count: count - statefulSets - jobs },
      { kind: 'StatefulSet' as const, name, size, count: statefulSets },
      { kind: 'Job' as const, name, size, count: jobs },
    ].filter((group) => group.count > 0);
  });
}

/** What 1.2 scales a group to: half its size, and up to as much again. `fraction` in [0, 1). */
export const scaledSize = (size: number, fraction: number): number => Math.floor(fraction * size) + Math.floor(size / 2);
