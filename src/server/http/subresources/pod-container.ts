/** Which container of a pod is meant. In upstream's words (pkg/registry/core/pod/strategy.go). */
import * as errors from '../../../api/errors.ts';
import type { Pod } from '../../../api/types/core-v1.ts';

/** The one that is named, or the only one. Throws ApiError 400. */
export function containerOf({ metadata, spec }: Pod, asked: string): string {
  const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])].map(({ name }) => name);
  if (asked !== '') {
    if (!all.includes(asked)) throw errors.badRequest(`container ${asked} is not valid for pod ${metadata.name}`);
    return asked;
  }
  const [only, another] = spec.containers;
  if (only && !another) return only.name;
  const choice = only ? `, choose one of: [${all.join(' ')}]` : '';
  throw errors.badRequest(`a container name must be specified for pod ${metadata.name}${choice}`);
}
