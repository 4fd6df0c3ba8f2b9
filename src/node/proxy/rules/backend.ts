/** Where rules go: the kernel, through one of its tools. */
import type { Change, Part } from './rule-table.ts';

export interface RuleBackend {
  /** All or nothing. `afresh`: the changes are all there should be, whatever is there now. */
  apply(changes: readonly Change[], afresh: boolean): Promise<void>;
  /** Whether the kernel still has what was applied, or says what is amiss; rejects where it cannot be asked, as when all of it is gone. */
  audit(applied: Iterable<Part>, signal: AbortSignal): Promise<string | undefined>;
  /** Leaves nothing behind. */
  remove(): Promise<void>;
}
