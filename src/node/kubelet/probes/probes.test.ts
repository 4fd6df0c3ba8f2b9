import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as GrpcServer, ServerCredentials, status } from '@grpc/grpc-js';
import { systemClock } from '../../../base/clock.ts';
import { MetricRegistry } from '../../../base/metrics/registry.ts';
import type { Container, LifecycleHandler, Pod, Probe } from '../../../api/types/core-v1.ts';
import { grpcMethods } from '../../../base/grpc-table.ts';
import { MachineHooks } from '../machine-hooks.ts';
import type { ExecSyncResult, ProbeResult, Runtime } from '../runtime.ts';
import { MachineProbes } from './machine-probes.ts';

const clock = systemClock();
const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'ns', uid: 'u' }, spec: { containers: [] } };
const podIps = ['127.0.0.1'];
const metrics = new MetricRegistry();

let server: Server;
let port = 0;
let last: IncomingMessage | undefined;
before(async () => {
  server = createServer((request, response) => {
    last = request;
    const code = /^\/(\d+)/.exec(request.url ?? '')?.[1];
    if (request.url === '/hang') return;
    if (request.url === '/big') {
      response.write('x'.repeat(1 << 20));
      return;
    }
    if (request.url?.startsWith('/to/')) response.writeHead(302, { location: decodeURIComponent(request.url.slice(4)) }).end('moved');
    else response.writeHead(Number(code ?? 200)).end(`path ${request.url}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function runtimeOf(result: ExecSyncResult | Error, asked: string[][] = []): Runtime {
  const execSync = (_: string, command: readonly string[]) => {
    asked.push([...command]);
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  };
  return { execSync } as unknown as Runtime;
}

function probe(probes: Probe, container: Partial<Container> = {}, runtime = runtimeOf(new Error('none'))): Promise<ProbeResult> {
  const probed: Container = { name: 'main', ports: [{ name: 'web', containerPort: port }], livenessProbe: { timeoutSeconds: 5, ...probes }, ...container };
  return new MachineProbes(runtime, clock, metrics).run({ pod, podIps, container: probed, containerId: 'id', kind: 'liveness' });
}

describe('by HTTP', () => {
  test('answers', async () => {
    const table: readonly (readonly [string, boolean, RegExp])[] = [
      ['/200', true, /^path \/200$/],
      ['/404', false, /^HTTP probe failed with statuscode: 404$/],
      ['/500', false, /^HTTP probe failed with statuscode: 500$/],
      ['/to/%2F200%3Fa', true, /^path \/200\?a$/],
      ['/to/%2F503', false, /statuscode: 503/],
      ['no/slash?x=1', true, /^path \/no\/slash\?x=1$/],
      ['/a%20b c', true, /^path \/a%20b%20c$/],
      ['/big', true, /^x{10240}$/],
    ];
    for (const [path, healthy, output] of table) {
      const result = await probe({ httpGet: { path, port } });
      assert.equal(result.healthy, healthy, path);
      assert.match(result.output, output, path);
    }
  });

  test('a redirect to elsewhere is a warning', async () => {
    const result = await probe({ httpGet: { path: '/to/http%3A%2F%2Fexample.invalid%2F', port } });
    assert.deepEqual(result, { healthy: true, output: 'Probe terminated redirects, Response body: moved', kind: 'warning' });
  });

  test('a redirect in a circle ends', async () => {
    const result = await probe({ httpGet: { path: '/to/%2Fto%2F%252Fto%252F', port } });
    assert.equal(typeof result.healthy, 'boolean');
  });

  test('headers, and a port by its name', async () => {
    await probe({ httpGet: { path: '/', port: 'web', httpHeaders: [{ name: 'Host', value: 'other.example' }, { name: 'X-A', value: '1' }, { name: 'X-A', value: '2' }] } });
    assert.equal(last?.headers.host, 'other.example');
    assert.equal(last?.headers['x-a'], '1, 2');
    assert.equal(last?.headers['user-agent'], 'kube-probe/1.36');
    assert.equal(last?.headers.accept, '*/*');
    await probe({ httpGet: { path: '/', port, httpHeaders: [{ name: 'User-Agent', value: 'mine' }, { name: 'Accept', value: '' }] } });
    assert.equal(last?.headers['user-agent'], 'mine');
    assert.equal(last?.headers.accept, undefined);
  });

  test('what does not answer', async () => {
    const refused = await probe({ httpGet: { path: '/x', port: 1 } });
    assert.deepEqual(refused, { healthy: false, output: 'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused' });
    const hanging = await probe({ httpGet: { path: '/hang', port }, timeoutSeconds: 0.05 });
    assert.match(hanging.output, /^Get "http:.*\/hang": context deadline exceeded/);
    const plain = await probe({ httpGet: { path: '/', port, scheme: 'HTTPS' } });
    assert.match(plain.output, /server gave HTTP response to HTTPS client/);
    assert.deepEqual(await probe({ httpGet: { path: '/', port: 'none' } }), { healthy: false, output: "couldn't find port: none", kind: 'error' });
  });
});

test('by TCP', async () => {
  assert.equal((await probe({ tcpSocket: { port } })).healthy, true);
  assert.deepEqual(await probe({ tcpSocket: { port: 1 } }), { healthy: false, output: 'dial tcp 127.0.0.1:1: connect: connection refused' });
});

test('by command', async () => {
  const asked: string[][] = [];
  const container = { env: [{ name: 'A', value: '1' }] };
  assert.deepEqual(await probe({ exec: { command: ['x', '$(A)$(B)'] } }, container, runtimeOf({ exitCode: 0, output: 'ok' }, asked)), { healthy: true, output: 'ok' });
  assert.deepEqual(asked, [['x', '1$(B)']]);
  assert.deepEqual(await probe({ exec: { command: ['x'] } }, {}, runtimeOf({ exitCode: 1, output: 'bad' })), { healthy: false, output: 'bad' });
  assert.equal((await probe({ exec: { command: ['x'] } }, {}, runtimeOf({ exitCode: undefined, output: '' }))).output, 'command timed out: "x" timed out after 5s');
  asked.length = 0;
  assert.deepEqual(await probe({ exec: { command: ['x'] } }, {}, runtimeOf(new Error('no runtime'), asked)), { healthy: false, output: 'no runtime', kind: 'error' });
  assert.equal(asked.length, 3, 'what could not be asked is asked again');
});

test('by gRPC', async () => {
  const method = grpcMethods({
    package: 'grpc.health.v1',
    messages: { HealthCheckRequest: { service: ['string', 1] }, HealthCheckResponse: { status: ['int32', 1] } },
    services: { Health: { Check: ['HealthCheckRequest', 'HealthCheckResponse'] } },
    longs: Number,
  })<{ service: string }, { status: number }>('Health', 'Check');
  const grpc = new GrpcServer();
  grpc.addService({ Check: method } as never, {
    Check: (call: { request: { service: string } }, answer: (error: object | null, value?: object) => void) => {
      if (call.request.service === 'unknown') answer({ code: status.NOT_FOUND, details: 'unknown service' });
      else if (call.request.service !== 'hang') answer(null, { status: call.request.service === 'down' ? 2 : 1 });
    },
  } as never);
  const grpcPort = await new Promise<number>((resolve, reject) => grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))));
  try {
    assert.deepEqual(await probe({ grpc: { port: grpcPort } }), { healthy: true, output: 'service healthy' });
    assert.equal((await probe({ grpc: { port: grpcPort, service: 'down' } })).output, 'service unhealthy (responded with "NOT_SERVING")');
    assert.match((await probe({ grpc: { port: grpcPort, service: 'unknown' } })).output, /code = NOT_FOUND desc = unknown service/);
    assert.equal((await probe({ grpc: { port: grpcPort, service: 'hang' }, timeoutSeconds: 0.2 })).output, 'timeout: health rpc did not complete within 0.2s');
    assert.match((await probe({ grpc: { port: 1 }, timeoutSeconds: 1 })).output, /failed to connect service at "127.0.0.1:1"|did not complete/);
  } finally {
    grpc.forceShutdown();
  }
});

test('outcomes are counted until the pod is gone', async () => {
  const own = new MetricRegistry();
  const probes = new MachineProbes(runtimeOf({ exitCode: 1, output: '' }), clock, own);
  await probes.run({ pod, podIps, container: { name: 'main', livenessProbe: { exec: { command: ['x'] } } }, containerId: 'id', kind: 'liveness' });
  const series = () => own.snapshot().flatMap((family) => family.series.map(({ labels, value }) => [...labels, value]));
  assert.deepEqual(series(), [['Liveness', 'failed', 'main', 'web', 'ns', 'u', 1]]);
  probes.forget('u');
  assert.deepEqual(series(), []);
});

describe('hooks', () => {
  const events: string[] = [];
  const run = (handler: LifecycleHandler, runtime = runtimeOf(new Error('none')), signal = new AbortController().signal) =>
    new MachineHooks({ runtime, clock, record: (_, __, reason) => events.push(reason) }).run({ pod, podIps, container: { name: 'main' }, containerId: 'id', handler, signal });

  test('a command fails by its exit code', async () => {
    await run({ exec: { command: ['x'] } }, runtimeOf({ exitCode: 0, output: '' }));
    await assert.rejects(run({ exec: { command: ['x'] } }, runtimeOf({ exitCode: 3, output: 'no' })), /Exec lifecycle hook \(\[x\]\) .* exited with 3: no/);
  });

  test('by HTTP any answer is good, and TLS is not needed', async () => {
    await run({ httpGet: { path: '/500', port } });
    assert.equal(last?.headers['user-agent'], 'kube-lifecycle/1.36');
    await run({ httpGet: { path: '/tls', port, scheme: 'HTTPS', httpHeaders: [{ name: 'Authorization', value: 'secret' }] } });
    assert.equal(last?.url, '/tls');
    assert.equal(last?.headers.authorization, undefined);
    assert.deepEqual(events, ['LifecycleHTTPFallback']);
    await assert.rejects(run({ httpGet: { path: '/', port: 1 } }), /connection refused/);
  });

  test('what is given up ends', async () => {
    const stop = new AbortController();
    const sleeping = assert.rejects(run({ sleep: { seconds: 1000 } }, undefined, stop.signal));
    const never = { execSync: () => new Promise(() => {}) } as unknown as Runtime;
    const command = assert.rejects(run({ exec: { command: ['sleep'] } }, never, stop.signal), /given up/);
    stop.abort();
    await sleeping;
    await command;
  });
});
