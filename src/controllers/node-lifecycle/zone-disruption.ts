/** How fast nodes may be given up: when much of a zone is down, the fault may be ours or the network's. Pure. */

export interface ZoneCount {
  readonly ready: number;
  readonly notReady: number;
}

export type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption';

const unhealthyShareMax = 0.55;
const largeZoneNodes = 50;
export const evictionsPerSecond = 0.1;
const slowEvictionsPerSecond = 0.01;

export function zoneState({ ready, notReady }: ZoneCount): ZoneState {
  if (ready === 0 && notReady > 0) return 'FullDisruption';
  if (notReady > 2 && notReady / (ready + notReady) >= unhealthyShareMax) return 'PartialDisruption';
  return 'Normal';
}

/** Nodes a second that may be given up in a zone. Where every zone is dark, we are the ones who cannot see: none. */
export function evictionRate(count: ZoneCount, allZonesDark: boolean): number {
  if (allZonesDark) return 0;
  if (zoneState(count) !== 'PartialDisruption') return evictionsPerSecond;
  return count.ready + count.notReady > largeZoneNodes ? slowEvictionsPerSecond : 0;
}
