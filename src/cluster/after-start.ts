/**
 * What a start leaves behind (parsed sources, tables in the making) V8 keeps
 * until the heap has grown by as much again, which in an idle cluster is never:
 * some 20 MB of 150. So each thread collects once, a few seconds after its start.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from '../base/clock.ts';

const afterMs = 4000;
/** A heap that has grown beyond is in use: the pause would be felt, and V8 collects by itself. */
const heapBytesMax = 64 << 20;

export function collectOnce(clock: Clock): Timer {
  return clock.after(afterMs, () => {
    if (getHeapStatistics().used_heap_size > heapBytesMax) return;
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;
    collect({ type: 'major', flavor: 'last-resort' });
  });
}
