import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequestInfo } from './request-info.ts';

const cases: readonly [method: string, target: string, expected: string][] = [
  // verb group/version namespace resource name subresource
  ['GET', '/api/v1/pods', 'list /v1 - pods - -'],
  ['GET', '/api/v1/namespaces/a/pods/b', 'get /v1 a pods b -'],
  ['GET', '/api/v1/namespaces/a/pods/b/log', 'get /v1 a pods b log'],
  ['GET', '/api/v1/namespaces', 'list /v1 - namespaces - -'],
  ['GET', '/api/v1/namespaces/a', 'get /v1 a namespaces a -'],
  ['PUT', '/api/v1/namespaces/a/finalize', 'update /v1 a namespaces a finalize'],
  ['GET', '/api/v1/namespaces/a/pods?watch=true', 'watch /v1 a pods - -'],
  ['GET', '/api/v1/pods?watch=0', 'list /v1 - pods - -'],
  ['GET', '/api/v1/pods?watch=1&fieldSelector=metadata.name%3Dx', 'watch /v1 - pods x -'],
  ['GET', '/api/v1/watch/namespaces/a/pods/b', 'watch /v1 a pods b -'],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments', 'deletecollection apps/v1 a deployments - -'],
  ['PATCH', '/apis/apps/v1/namespaces/a/deployments/d/scale', 'patch apps/v1 a deployments d scale'],
  ['POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', 'create rbac.authorization.k8s.io/v1 - clusterroles - -'],
  ['GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode', 'get rbac.authorization.k8s.io/v1 - clusterroles system:node -'],
];

test('request lines', () => {
  for (const [method, target, expected] of cases) {
    const info = parseRequestInfo(method, target);
    const text = [info.verb, `${info.group}/${info.version}`, info.namespace || '-', info.resource || '-', info.name || '-', info.subresource || '-'].join(' ');
    assert.equal(text, expected, `${method} ${target}`);
  }
});

test('paths that are no resources', () => {
  for (const target of ['/', '/api', '/apis', '/apis/apps', '/apis/apps/v1', '/healthz', '/openapi/v3/apis/apps/v1'])
    assert.equal(parseRequestInfo('GET', target).isResource, false, target);
});
