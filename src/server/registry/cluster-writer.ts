/** The registry as admission plugins see it: plain objects in, optimistic updates done. */
import type { Catalogue, ResourceInfo } from '../../api/catalogue.ts';
import type { KubeObject } from '../../api/object.ts';
import type { UserInfo } from '../../base/exchange.ts';
import { assert } from '../../base/assert.ts';
import { decodeUtf8 } from '../../base/bytes.ts';
import type { ClusterWriter } from '../admission/contract.ts';
import { ownManager, type ChangeContext, type Registry } from './registry.ts';

/** The API server itself. */
const self: UserInfo = { username: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

export function clusterWriter(catalogue: Catalogue, registry: Registry): ClusterWriter {
  const lookUp = (group: string, version: string, resource: string): ResourceInfo => {
    const found = catalogue.lookup(group, version, resource);
    assert(found, `${group}/${version}/${resource} is served`);
    return found;
  };
  return {
    async create(group, version, resource, namespace, object) {
      const info = lookUp(group, version, resource);
      return (await registry.create(info, object, contextFor(registry, info, 'create', namespace))).object;
    },
    async update(group, version, resource, namespace, name, change) {
      const info = lookUp(group, version, resource);
      const own = (current: KubeObject) => change(JSON.parse(JSON.stringify(current)) as KubeObject);
      const written = await registry.amend(info, name, own, { namespace, dryRun: false });
      return JSON.parse(decodeUtf8(written.bytes)) as KubeObject;
    },
  };
}

function contextFor(registry: Registry, info: ResourceInfo, verb: string, namespace: string): ChangeContext {
  return {
    user: self,
    namespace,
    dryRun: false,
    now: registry.parts.clock.now(),
    warn: () => {},
    options: {},
    writer: { manager: ownManager, resource: info, subresource: '' },
    attributes: {
      user: self,
      verb,
      isResource: true,
      path: '',
      group: info.group,
      version: info.version,
      resource: info.resource,
      subresource: '',
      namespace,
      name: '',
      fieldSelector: '',
      labelSelector: '',
    },
  };
}
