/** The indexes of an Indexed Job: on its pods as an annotation, in its status as text (`0-2,5`). Pure. */
import type { Pod } from '../../api/types/core-v1.ts';

export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

/** Undefined: the pod has none, or none that makes sense. */
export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[indexAnnotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function indexesOf(pods: readonly Pod[]): Set<number> {
  return new Set(pods.map(indexOf).filter((index) => index !== undefined));
}

/** Those below `completions`: an elastic Job may have had more. What is no index is left out. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const indexes = new Set<number>();
  for (const part of text ? text.split(',') : []) {
    const [first = NaN, last = first] = part.split('-').map(Number);
    for (let index = first; index <= last && index < completions; index++) indexes.add(index);
  }
  return indexes;
}

/** Runs of three and more are shortened, two stand side by side. */
export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...indexes].toSorted((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i]!;
    let last = first;
    while (sorted[i + 1] === last + 1) last = sorted[++i]!;
    parts.push(first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`);
  }
  return parts.join(',');
}
