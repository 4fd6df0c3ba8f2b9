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
    clusterCidrs: String(options['clusterCidrs']).split(',').filter((cidr) => cidr !== ''),
    clock: systemClock(),
    random: systemRandom(),
    logger,
    metrics,
    signal,
  });
