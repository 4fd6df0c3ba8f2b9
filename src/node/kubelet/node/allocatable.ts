/** What of a machine pods may ask for: its capacity without what the system, the kubelet and the eviction thresholds keep. Pure. */
import { compareQuantity, formatQuantity, parseQuantity, quantityOf, subQuantity, valueOf } from '../../../api/quantity.ts';
import type { FsFigures, MachineFacts } from './machine.ts';
import { limitOf } from './thresholds.ts';
import type { Threshold } from './thresholds.ts';

export type Resources = Readonly<Record<string, string>>;

/** Kept from pods, by resource; upstream's kubeReserved and systemReserved. */
export interface Reservations {
  readonly kube?: Resources;
  readonly system?: Resources;
}

const binary = (bytes: number) => formatQuantity(quantityOf(bytes, 'BinarySI'));

export function capacityOf(facts: MachineFacts, nodeFs: FsFigures, podsMax: number): Resources {
  const hugePages = [...facts.hugePages].map(([size, { pageBytes, pages }]) => [`hugepages-${size}`, binary(pageBytes * pages)]);
  return {
    cpu: String(facts.cores),
    'ephemeral-storage': binary(nodeFs.capacityBytes),
    ...Object.fromEntries(hugePages),
    memory: binary(facts.memoryBytes),
    pods: String(podsMax),
  };
}

export function allocatableOf(capacity: Resources, reservations: Reservations, thresholds: readonly Threshold[]): Resources {
  const hard = (resource: string, signal: Threshold['signal']): Resources => {
    const threshold = thresholds.find((one) => one.signal === signal && one.graceMs === 0);
    const total = capacity[resource];
    return threshold && total !== undefined ? { [resource]: binary(limitOf(threshold, valueOf(total))) } : {};
  };
  // Huge pages are memory that nothing else can have.
  const hugePages = Object.entries(capacity).filter(([resource]) => resource.startsWith('hugepages-'));
  const kept: readonly Resources[] = [
    reservations.kube ?? {},
    reservations.system ?? {},
    hard('memory', 'memory.available'),
    hard('ephemeral-storage', 'nodefs.available'),
    ...hugePages.map(([, amount]) => ({ memory: amount })),
  ];
  return Object.fromEntries(Object.entries(capacity).map(([resource, total]) => [resource, without(total, kept.flatMap((one) => one[resource] ?? []))]));
}

/** Never less than nothing. */
function without(total: string, kept: readonly string[]): string {
  const left = kept.reduce((rest, amount) => subQuantity(rest, parseQuantity(amount)), parseQuantity(total));
  return compareQuantity(left, parseQuantity('0')) < 0 ? '0' : formatQuantity(left);
}
