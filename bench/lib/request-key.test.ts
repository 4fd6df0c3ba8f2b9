import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatKey, isCounted, isSingle, keyOfRequest, type RequestKey } from './request-key.ts';

const keyed = (method: string, target: string) => formatKey(keyOfRequest(method, target) as RequestKey);

test('a request is named as the server’s metrics name it', () => {
  assert.equal(keyed('GET', '/api/v1/namespaces/a/pods/b'), 'GET pods (resource)');
  assert.equal(keyed('GET', '/api/v1/namespaces/a/pods?limit=5'), 'LIST pods (namespace)');
  assert.equal(keyed('GET', '/api/v1/pods?resourceVersion=0'), 'LIST pods (cluster)');
  assert.equal(keyed('GET', '/api/v1/pods?watch=true'), 'WATCH pods (cluster)');
  assert.equal(keyed('GET', '/api/v1/nodes/n'), 'GET nodes (resource)');
  assert.equal(keyed('POST', '/api/v1/namespaces/a/pods/b/binding'), 'POST pods/binding (resource)');
  assert.equal(keyed('POST', '/api/v1/namespaces'), 'POST namespaces (resource)');
  assert.equal(keyed('GET', '/api/v1/namespaces/a'), 'GET namespaces (resource)');
  assert.equal(keyed('PUT', '/api/v1/namespaces/a/finalize'), 'PUT namespaces/finalize (resource)');
  assert.equal(keyed('DELETE', '/apis/apps/v1/namespaces/a/deployments'), 'DELETECOLLECTION deployments (namespace)');
  assert.equal(keyed('PATCH', '/apis/apps/v1/namespaces/a/deployments/b/scale'), 'PATCH deployments/scale (resource)');
  assert.equal(keyOfRequest('GET', '/healthz'), undefined);
});

test('what the objectives leave out, and which calls are single', () => {
  const key = (method: string, target: string) => keyOfRequest(method, target) as RequestKey;
  assert.ok(!isCounted(key('POST', '/api/v1/namespaces/a/events')));
  assert.ok(!isCounted(key('GET', '/api/v1/pods?watch=true')));
  assert.ok(!isCounted(key('GET', '/api/v1/namespaces/a/pods/b/log')));
  assert.ok(isCounted(key('GET', '/api/v1/pods')));
  assert.ok(!isSingle(key('GET', '/api/v1/pods')));
  assert.ok(isSingle(key('DELETE', '/api/v1/namespaces/a/pods')));
});
