/** What the scheduler asks of the API. Narrow, so that its core can be tested without one. */
import type { Pod } from '../api/types/core-v1.ts';

export interface SchedulerApi {
  bind(pod: Pod, nodeName: string): Promise<void>;
  /** By strategic merge patch. */
  patchPodStatus(pod: Pod, status: Readonly<Record<string, unknown>>): Promise<void>;
  deletePod(pod: Pod): Promise<void>;
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
}
