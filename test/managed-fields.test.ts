/**
 * Who owns which fields after which requests, and what an apply answers. What
 * data/managed-fields.json expects was recorded from kube-apiserver 1.36, each
 * request after the other, with `$NS` for the namespace, `$UID` and `$RV` for
 * what the answer before said. Times are only there or not.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { systemRandom } from '../src/base/random.ts';
import type { ManagedFieldsEntry, Status } from '../src/api/types/meta-v1.ts';
import { exchangeTransport } from '../src/client/transports/exchange.ts';
import type { ClientRequest, Transport } from '../src/client/transport.ts';
import { startApiServer, type RunningApiServer } from '../src/cluster/api-server.ts';
import { administrator } from '../src/cluster/identities.ts';

interface ExpectedEntry extends Pick<ManagedFieldsEntry, 'manager' | 'operation' | 'apiVersion' | 'subresource' | 'fieldsV1'> {
  readonly time?: true;
}

interface Expected {
  readonly code: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: unknown;
  readonly warning?: string;
  readonly managedFields?: readonly ExpectedEntry[];
  /** Without its status and what is new in every object. */
  readonly object?: unknown;
}

interface Request {
  readonly method: ClientRequest['method'];
  readonly path: string;
  readonly type?: string;
  readonly userAgent?: string;
  readonly body?: string;
  /** Milliseconds that pass before it. */
  readonly wait?: number;
  readonly expect: Expected;
}

interface Case {
  readonly title: string;
  readonly requests: readonly Request[];
}

interface Answer extends Partial<Status> {
  readonly kind?: string;
  readonly metadata?: { readonly uid?: string; readonly resourceVersion?: string; readonly managedFields?: readonly ManagedFieldsEntry[] };
}

const cases = JSON.parse(readFileSync(join(import.meta.dirname, 'data', 'managed-fields.json'), 'utf8')) as Case[];

/** What was recorded within a second must be told within one. */
let now = Date.parse('2026-01-01T00:00:00Z');
const clock = { ...systemClock(), now: () => now };

/** What differs from one server to the next. */
function masked(text: string, namespace: string): string {
  return text
    .replaceAll(namespace, '$NS')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UID')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
    .replace(/kube-api-access-\w+/g, 'kube-api-access-X')
    .replace(/"10\.(96|97|98|99|1\d\d)\.\d+\.\d+"/g, '"CLUSTERIP"')
    .replace(/"nodePort":\d+/g, '"nodePort":1');
}

function byManager(a: ExpectedEntry, b: ExpectedEntry): number {
  const key = ({ operation, manager, apiVersion, subresource }: ExpectedEntry) => JSON.stringify([operation, manager, apiVersion, subresource]);
  return key(a) < key(b) ? -1 : 1;
}

function shown(answer: Answer, code: number, warning: string | undefined): Expected {
  const about = { code, ...(warning === undefined ? {} : { warning }) };
  if (answer.kind === 'Status') {
    if (answer.status !== 'Failure') return about;
    const { reason, message, details } = answer;
    details?.causes?.sort((a, b) => ((a.message ?? '') + (a.field ?? '') < (b.message ?? '') + (b.field ?? '') ? -1 : 1));
    return { ...about, ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }), ...(details === undefined ? {} : { details }) };
  }
  const { status: _, metadata = {}, ...rest } = answer as Record<string, unknown> & Pick<Answer, 'metadata'>;
  const { managedFields, uid: _uid, resourceVersion: _version, creationTimestamp: _created, generation: _generation, ...kept } = metadata as Record<string, unknown> & { managedFields?: ManagedFieldsEntry[] };
  const entries = managedFields?.map(({ fieldsType: _type, time, ...entry }) => ({ ...entry, ...(time === undefined ? {} : { time: true as const }) }));
  return { ...about, ...(entries ? { managedFields: entries.sort(byManager) } : {}), object: { ...rest, metadata: kept } };
}

describe('managedFields and server-side apply', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'coxswain-managed-fields-'));
  let server: RunningApiServer;
  let transport: Transport;

  before(async () => {
    server = await startApiServer({ datastore: 'memory', dataDir, host: '127.0.0.1', port: 0, clock, random: systemRandom(), logger: silentLogger });
    transport = exchangeTransport(server.handler, administrator);
  });
  after(async () => {
    await transport.close();
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const send = async (method: ClientRequest['method'], target: string, type: string, userAgent: string, body?: string) => {
    const headers = { accept: 'application/json', 'user-agent': userAgent, ...(body === undefined ? {} : { 'content-type': type }) };
    const response = await transport.request({ method, target, headers, ...(body === undefined ? {} : { body: Buffer.from(body) }) });
    return { code: response.status, warning: response.headers['warning'], text: Buffer.from(response.body).toString() };
  };

  cases.forEach(({ title, requests }, number) => {
    test(title, async () => {
      const namespace = `mf-${number}-x`;
      const json = 'application/json';
      await send('POST', '/api/v1/namespaces', json, 'test', JSON.stringify({ metadata: { name: namespace } }));
      await send('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, json, 'test', JSON.stringify({ metadata: { name: 'default' } }));
      let uid = '';
      let resourceVersion = '';
      for (const [i, { method, path, type = json, userAgent = 'tester/1.0', body, wait = 0, expect }] of requests.entries()) {
        now += wait;
        const own = (text: string) => text.replaceAll('$NS', namespace).replaceAll('$UID', uid).replaceAll('$RV', resourceVersion);
        const { code, warning, text } = await send(method, own(path), type, userAgent, body === undefined ? undefined : own(body));
        const { metadata } = JSON.parse(text) as Answer;
        uid = metadata?.uid ?? uid;
        resourceVersion = metadata?.resourceVersion ?? resourceVersion;
        const { object, ...rest } = shown(JSON.parse(masked(text, namespace)) as Answer, code, warning);
        assert.deepEqual({ ...rest, ...(expect.object === undefined ? {} : { object }) }, expect, `request ${i}: ${method} ${path}`);
      }
    });
  });
});
