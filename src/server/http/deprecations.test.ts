import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInCatalogue } from '../../api/catalogue.ts';
import { deprecationOf } from './deprecations.ts';

const catalogue = builtInCatalogue(() => true);

function textFor(group: string, version: string, resource: string): string {
  const found = catalogue.lookup(group, version, resource);
  assert.ok(found, `${group}/${version} ${resource} is served`);
  return deprecationOf(found);
}

test('what is deprecated says since when, until when and what instead', () => {
  assert.equal(textFor('', 'v1', 'endpoints'), 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice');
  assert.equal(textFor('', 'v1', 'componentstatuses'), 'v1 ComponentStatus is deprecated in v1.19+');
  assert.equal(
    textFor('storage.k8s.io', 'v1beta1', 'volumeattributesclasses'),
    'storage.k8s.io/v1beta1 VolumeAttributesClass is deprecated in v1.34+, unavailable in v1.37+; use storage.k8s.io/v1 VolumeAttributesClass',
  );
  assert.equal(
    textFor('networking.k8s.io', 'v1beta1', 'servicecidrs'),
    'networking.k8s.io/v1beta1 ServiceCIDR is deprecated in v1.34+, unavailable in v1.37+',
  );
});

test('of the stable API only endpoints and component statuses are', () => {
  const warned = [...builtInCatalogue().all()].filter((resource) => deprecationOf(resource) !== '');
  assert.deepEqual(
    warned.map(({ resource }) => resource),
    ['componentstatuses', 'endpoints'],
  );
});
