import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { builtInCatalogue } from '../../../api/catalogue.ts';
import { aggregated, groupList, groupOf, resourceList, storageVersionHash } from './documents.ts';

interface Named {
  readonly name: string;
}
interface DiscoveredGroup {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly { readonly version: string; readonly resources: unknown }[];
}

const facts = join(import.meta.dirname, '../../../../../shared/kubernetes-1.36/resources.json');
const skip = existsSync(facts) ? false : 'no facts folder beside the repository';

const everything = builtInCatalogue(() => true);
const stable = builtInCatalogue();

/** The facts are of the API server alone; in a cluster of upstream's, metrics-server adds this one. */
const addedGroup = 'metrics.k8s.io';
const ofApiServer = ({ items }: { readonly items: readonly DiscoveredGroup[] }) => items.filter(({ metadata }) => metadata.name !== addedGroup);

describe('against the facts', { skip }, () => {
  const { aggregated: groups, core_v1: core } = (skip ? {} : JSON.parse(readFileSync(facts, 'utf8'))) as {
    aggregated: { items: DiscoveredGroup[] };
    core_v1: { resources: Named[] };
  };

  test('the aggregated form has every group, version and resource, in order', () => {
    const made = ofApiServer(JSON.parse(JSON.stringify(aggregated(everything, false, 'v2'))) as { items: DiscoveredGroup[] });
    assert.deepEqual(
      made.map(({ metadata, versions }) => [metadata.name, versions.map(({ version }) => version)]),
      groups.items.map(({ metadata, versions }) => [metadata.name, versions.map(({ version }) => version)]),
    );
    assert.deepEqual(made, groups.items);
  });

  test('stable versions only, by default', () => {
    const made = ofApiServer(aggregated(stable, false, 'v2') as { items: DiscoveredGroup[] });
    const expected = groups.items.flatMap(({ metadata, versions }) => {
      const kept = versions.filter(({ version }) => /^v\d+$/.test(version));
      return kept.length === 0 ? [] : [{ metadata, versions: kept }];
    });
    assert.deepEqual(JSON.parse(JSON.stringify(made)), expected);
  });

  test('/api/v1 lists resources and subresources, with storage hashes', () => {
    const made = resourceList(stable, { group: '', version: 'v1' }) as { resources: Named[] };
    assert.deepEqual(JSON.parse(JSON.stringify(made.resources)), core.resources);
  });
});

test('group documents name the preferred version', () => {
  const group = groupOf(stable, 'autoscaling') as { preferredVersion: unknown };
  assert.deepEqual(group.preferredVersion, { groupVersion: 'autoscaling/v2', version: 'v2' });
  assert.equal(groupOf(stable, 'nope'), undefined);
  const { groups } = groupList(stable) as { groups: Named[] };
  assert.equal(groups[0]?.name, 'apiregistration.k8s.io');
  assert.ok(!groups.some(({ name }) => name === ''));
});

test('a storage hash is what upstream makes of group, version and kind', () => {
  assert.equal(storageVersionHash('', 'v1', 'Pod'), 'xPOwRZ+Yhw8=');
});
