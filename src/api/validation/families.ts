/** The families of kinds whose rules make up the table of validators. */
import { validators as claims } from './core-claim.ts';
import { validators as config } from './core-config.ts';
import { validators as replication } from './core-controller.ts';
import { validators as coreEvents } from './core-event.ts';
import { validators as limits } from './core-limits.ts';
import { validators as nodes } from './core-node.ts';
import { validators as pods } from './core-pod.ts';
import { validators as services } from './core-service.ts';
import { validators as volumes } from './core-volume.ts';
import type { KindValidators } from './kind-validator.ts';

export const families: readonly KindValidators[] = [claims, config, replication, coreEvents, limits, nodes, pods, services, volumes];
