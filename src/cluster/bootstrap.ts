/** Writes what a cluster holds before anyone has asked for anything, and brings it up to date at later starts. */
import { assert } from '../base/assert.ts';
import type { ApiServerParts } from '../server/http/call.ts';
import { bootstrapObjects, type BootstrapObject, type BootstrapOptions } from './bootstrap/bootstrap-objects.ts';

export async function bootstrap(parts: ApiServerParts, options: Omit<BootstrapOptions, 'now'>): Promise<void> {
  const objects = bootstrapObjects({ ...options, now: parts.clock.now() });
  // All at once: they share the store's group commits.
  await Promise.all(objects.map((object) => write(parts, object)));
}

async function write({ catalogue, registry }: ApiServerParts, { group, version, resource, object, manager, reconcile }: BootstrapObject): Promise<void> {
  const info = catalogue.lookup(group, version, resource);
  assert(info, `bootstrap objects are of served resources: ${group}/${version}/${resource}`);
  const { namespace = '', name = '' } = object.metadata;
  const existing = await registry.get(info, namespace, name);
  if (!existing) return void (await registry.install(info, object, manager));
  const step = reconcile(existing.object);
  if (step.action === 'none') return;
  if (step.action === 'update') return void (await registry.amend(info, name, () => step.object, { namespace, dryRun: false }));
  await registry.uninstall(info, namespace, name);
  await registry.install(info, object, manager);
}
