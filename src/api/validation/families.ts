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
import { validators as admissionregistration } from './admissionregistration.ts';
import { validators as apiextensions } from './apiextensions.ts';
import { validators as apiregistration } from './apiregistration.ts';
import { validators as apps } from './apps.ts';
import { validators as autoscaling } from './autoscaling.ts';
import { validators as batch } from './batch.ts';
import { validators as certificates } from './certificates.ts';
import { validators as coordination } from './coordination.ts';
import { validators as discovery } from './discovery.ts';
import { validators as events } from './events.ts';
import { validators as flowcontrol } from './flowcontrol.ts';
import { validators as networking } from './networking.ts';
import { validators as node } from './node.ts';
import { validators as policy } from './policy.ts';
import { validators as rbac } from './rbac.ts';
import { validators as resource } from './resource.ts';
import { validators as scheduling } from './scheduling.ts';
import { validators as storage } from './storage.ts';
import type { KindValidators } from './kind-validator.ts';

export const families: readonly KindValidators[] = [
  claims,
  config,
  replication,
  coreEvents,
  limits,
  nodes,
  pods,
  services,
  volumes,
  admissionregistration,
  apiextensions,
  apiregistration,
  apps,
  autoscaling,
  batch,
  certificates,
  coordination,
  discovery,
  events,
  flowcontrol,
  networking,
  node,
  policy,
  rbac,
  resource,
  scheduling,
  storage,
];
