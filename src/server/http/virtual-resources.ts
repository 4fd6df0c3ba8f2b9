/** Resources that are answered and not stored: reviews, metrics, and what is an alias or a relic (bindings, componentstatuses). */
import type { ResourceInfo } from '../../api/catalogue.ts';
import * as errors from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import { encodeUtf8 } from '../../base/bytes.ts';
import {
  reviewLocalSubjectAccess,
  reviewSelf,
  reviewSelfSubjectAccess,
  reviewSelfSubjectRules,
  reviewSubjectAccess,
  reviewToken,
} from '../access/reviews.ts';
import { metricsGroup } from '../../api/metrics-api.ts';
import type { VirtualCall } from './call.ts';
import { decodeAs } from './decode-body.ts';
import { serveMetrics } from './metrics-api/serve.ts';
import { writeOptionsOf } from './request-options.ts';
import { sendObject } from './respond.ts';

type Answer = (call: VirtualCall, body: KubeObject) => unknown;

const reviews: Readonly<Record<string, Answer>> = {
  'authentication.k8s.io/tokenreviews': ({ parts }, body) => reviewToken(body as never, parts.tokenKinds, parts.audiences),
  'authentication.k8s.io/selfsubjectreviews': ({ parts, user }) => reviewSelf(user, parts.clock),
  'authorization.k8s.io/subjectaccessreviews': ({ parts }, body) => reviewSubjectAccess(body as never, parts.authorizer),
  'authorization.k8s.io/localsubjectaccessreviews': ({ parts, info }, body) => reviewLocalSubjectAccess(body as never, info.namespace, parts.authorizer),
  'authorization.k8s.io/selfsubjectaccessreviews': ({ parts, user }, body) => reviewSelfSubjectAccess(body as never, user, parts.authorizer),
  'authorization.k8s.io/selfsubjectrulesreviews': ({ parts, user }, body) => reviewSelfSubjectRules(body as never, user, parts.rbac),
};

const relics = new Set(['/componentstatuses']);

function nameOf({ group, resource }: ResourceInfo): string {
  return `${group}/${resource}`;
}

export function isVirtual(resource: ResourceInfo): boolean {
  const name = nameOf(resource);
  return reviews[name] !== undefined || relics.has(name) || resource.group === metricsGroup;
}

export async function serveVirtual(call: VirtualCall): Promise<void> {
  const { resource, info } = call;
  if (resource.group === metricsGroup) return serveMetrics(call);
  const answer = reviews[nameOf(resource)];
  if (!answer) return serveComponentStatuses(call);
  const options = writeOptionsOf(info.query, 'CreateOptions');
  const body = await decodeAs(call, resource, resource.type, options.fieldValidation);
  return sendObject(call, 201, encodeUtf8(JSON.stringify(await answer(call, body))), resource);
}

/** Deprecated upstream; answered from the health checks, as far as a cluster in one process has components. */
function serveComponentStatuses(call: VirtualCall): Promise<void> {
  const { resource, info, parts } = call;
  const items = parts.health
    .filter(({ on }) => on.includes('livez'))
    .map(({ name, check }) => {
      const wrong = check();
      return {
        kind: 'ComponentStatus',
        apiVersion: 'v1',
        metadata: { name },
        conditions: [{ type: 'Healthy', status: wrong === undefined ? 'True' : 'False', message: wrong ?? 'ok' }],
      };
    });
  if (info.verb === 'list')
    return sendObject(call, 200, encodeUtf8(JSON.stringify({ kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items })), {
      ...resource,
      kind: 'ComponentStatusList',
      type: `${resource.type}List`,
    });
  const one = items.find(({ metadata }) => metadata.name === info.name);
  if (!one) throw errors.notFound({ group: '', kind: 'componentstatuses', name: info.name });
  return sendObject(call, 200, encodeUtf8(JSON.stringify(one)), resource);
}
