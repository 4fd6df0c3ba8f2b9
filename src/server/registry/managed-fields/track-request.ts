/** Ownership after what a client has sent, which may speak of the managers itself. */
import type { Catalogue, ResourceInfo } from '../../../api/catalogue.ts';
import { invalid } from '../../../api/errors.ts';
import { parseGroupVersion } from '../../../api/object.ts';
import { validateManagers } from '../../../api/validation/object-meta.ts';
import { clientEntries } from './client-entries.ts';
import { structPlan, type StructPlan } from './field-plan.ts';
import type { ManagedFields } from './managed-fields.ts';
import { trackChange, type Change, type Writer } from './track.ts';

/** Takes managedFields out of the object. Throws for managers of impossible names. */
export function trackRequest(catalogue: Catalogue, change: Change, known: ManagedFields, { writer, now }: { readonly writer: Writer; readonly now: number }): ManagedFields {
  const { stored, object } = change;
  const { managedFields, name = '' } = object.metadata;
  delete object.metadata.managedFields;
  // Through a subresource nobody can set them.
  const given = writer.subresource === '' ? clientEntries(managedFields, (apiVersion) => planAt(catalogue, stored, apiVersion)) : undefined;
  const tracked = trackChange(catalogue, change, given ?? known, writer, now);
  const wrong = given ? validateManagers(tracked.entries.map(({ manager }) => manager)) : [];
  if (wrong.length) throw invalid(stored.group, stored.kind, name, wrong);
  return tracked;
}

function planAt(catalogue: Catalogue, { resource }: ResourceInfo, apiVersion: string): StructPlan | undefined {
  const { group, version } = parseGroupVersion(apiVersion);
  const served = catalogue.lookup(group, version, resource);
  return served && structPlan(served.type);
}
