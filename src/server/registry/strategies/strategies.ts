/** The table from `group/resource` to its strategy; what is not in it gets the registry's default. */
import type { ResourceInfo } from '../../../api/catalogue.ts';
import type { Strategy } from '../strategy.ts';
import { strategies as admissionregistration } from './admissionregistration.ts';
import { strategies as apiextensions } from './apiextensions.ts';
import { strategies as apiregistration } from './apiregistration.ts';
import { strategies as apps } from './apps.ts';
import { strategies as autoscaling } from './autoscaling.ts';
import { strategies as batch } from './batch.ts';
import { strategies as certificates } from './certificates.ts';
import { strategies as coordination } from './coordination.ts';
import { serviceStrategies } from './core-service.ts';
import { strategies as core } from './core.ts';
import { strategies as discovery } from './discovery.ts';
import { strategies as events } from './events.ts';
import { strategies as flowcontrol } from './flowcontrol.ts';
import { strategies as networking } from './networking.ts';
import { strategies as node } from './node.ts';
import { strategies as pods } from './pod.ts';
import { strategies as policy } from './policy.ts';
import { strategies as rbac } from './rbac.ts';
import { strategies as resource } from './resource.ts';
import { strategies as scheduling } from './scheduling.ts';
import type { ServiceAllocator } from './service-allocator.ts';
import { strategies as storage } from './storage.ts';

const families = [
  ...[admissionregistration, apiextensions, apiregistration, apps, autoscaling, batch, certificates, coordination, core, discovery],
  ...[events, flowcontrol, networking, node, pods, policy, rbac, resource, scheduling, storage],
];

const none: Strategy = {};

export interface StrategyParts {
  readonly services: ServiceAllocator;
}

/** What the registry asks for each write: one look-up. */
export function createStrategies(parts: StrategyParts): (resource: ResourceInfo) => Strategy {
  const table = new Map<string, Strategy>();
  for (const family of [...families, serviceStrategies(parts.services)]) {
    for (const [key, strategy] of Object.entries(family)) table.set(key, strategy);
  }
  return ({ group, resource: name }) => table.get(`${group}/${name}`) ?? none;
}
