/** The controllers and the scheduler, as a part of a thread. */
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { startBrains } from '../brains.ts';
import type { PartStarter } from './parts.ts';

export const start: PartStarter['start'] = ({ connection, options, logger, metrics, signal }) =>
  startBrains({
    transportFor: (identity) => connection.as(identity),
    rootCa: String(options['rootCa']),
    serviceAccountKey: String(options['serviceAccountKey']),
    signing: { certificate: String(options['rootCa']), privateKey: String(options['signingKey']) },
    clusterCidrs: listed(options['clusterCidrs']),
    loadBalancerPool: listed(options['loadBalancerPool']),
    clock: systemClock(),
    random: systemRandom(),
    logger,
    metrics,
    signal,
  });

/** Of a text with commas between; empty is none. */
function listed(text: unknown): string[] {
  return String(text).split(',').filter((item) => item !== '');
}
