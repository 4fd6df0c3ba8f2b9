/** What the tests of plugins share: requests, objects, and a look at refusals. */
import assert from 'node:assert/strict';
import { builtInCatalogue } from '../../api/catalogue.ts';
import { ApiError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import type { UserInfo } from '../../base/exchange.ts';
import { AdmissionChain } from './chain.ts';
import type { AdmissionPlugin, AdmissionRequest, Operation } from './contract.ts';

const catalogue = builtInCatalogue();
const root: UserInfo = { username: 'root', groups: ['system:masters'] };

export interface Asked {
  readonly operation?: Operation;
  readonly group?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly old?: KubeObject;
  readonly user?: UserInfo;
  readonly dryRun?: boolean;
  readonly warnings?: string[];
}

export function asked(resource: string, object: KubeObject | undefined, more: Asked = {}): AdmissionRequest {
  const {
    operation = more.old ? 'UPDATE' : 'CREATE',
    group = '',
    subresource = '',
    user = root,
    old,
    dryRun = false,
    warnings = [],
  } = more;
  const info = catalogue.lookup(group, 'v1', resource);
  assert.ok(info, resource);
  const namespace = more.namespace ?? (info.namespaced ? (object?.metadata.namespace ?? 'default') : '');
  const name = more.name ?? object?.metadata.name ?? old?.metadata.name ?? '';
  const verb = operation.toLowerCase();
  return {
    operation,
    attributes: {
      user,
      verb,
      isResource: true,
      path: '',
      group,
      version: 'v1',
      resource,
      subresource,
      namespace,
      name: operation === 'CREATE' && subresource === '' ? '' : name,
      fieldSelector: '',
      labelSelector: '',
    },
    resource: info,
    namespace,
    name,
    object,
    oldObject: old,
    options: {},
    dryRun,
    warn: (message) => warnings.push(message),
  };
}

/** Runs both phases of the plugins; returns the object as it comes out. */
export async function admit(
  plugins: AdmissionPlugin | readonly AdmissionPlugin[],
  request: AdmissionRequest,
): Promise<KubeObject> {
  const chain = new AdmissionChain(
    Array.isArray(plugins) ? (plugins as readonly AdmissionPlugin[]) : [plugins as AdmissionPlugin],
  );
  await chain.mutate(request);
  await chain.validate(request);
  return request.object ?? { metadata: {} };
}

/** Fails unless the plugins refuse with exactly this. */
export async function refused(
  plugins: AdmissionPlugin | readonly AdmissionPlugin[],
  request: AdmissionRequest,
  message: string,
  code = 403,
): Promise<ApiError> {
  let refusal: ApiError | undefined;
  await assert.rejects(
    () => admit(plugins, request),
    (error) => {
      assert.ok(error instanceof ApiError, String(error));
      assert.deepEqual([error.code, error.message], [code, message]);
      refusal = error;
      return true;
    },
  );
  return refusal as ApiError;
}

export function pod(spec: object = {}, metadata: object = {}): KubeObject {
  return {
    metadata: { name: 'web', namespace: 'default', ...metadata },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  };
}
