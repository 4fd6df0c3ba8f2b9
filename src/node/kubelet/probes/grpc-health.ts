/** The gRPC health protocol (grpc.health.v1), asked once. */
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { grpcMethods } from '../../../base/grpc-table.ts';
import type { ProbeResult } from '../runtime.ts';
import { hostAndPort } from './container-port.ts';

interface HealthRequest {
  readonly service: string;
}

interface HealthResponse {
  readonly status: number;
}

const method = grpcMethods({
  package: 'grpc.health.v1',
  messages: { HealthCheckRequest: { service: ['string', 1] }, HealthCheckResponse: { status: ['int32', 1] } },
  services: { Health: { Check: ['HealthCheckRequest', 'HealthCheckResponse'] } },
  longs: Number,
});
const check = method<HealthRequest, HealthResponse>('Health', 'Check');
const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const serving = 1;

export async function grpcHealth(host: string, port: number, service: string, timeoutMs: number, nowMs: number): Promise<ProbeResult> {
  const address = hostAndPort(host, port);
  const client = new Client(address, credentials.createInsecure(), { 'grpc.primary_user_agent': 'kube-probe/1.36', 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1 });
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  client.makeUnaryRequest(check.path, check.requestSerialize, check.responseDeserialize, { service }, { deadline: nowMs + timeoutMs }, (error, answer) => {
    if (error) resolve({ healthy: false, output: failureText(error, address, timeoutMs) });
    else if (answer?.status === serving) resolve({ healthy: true, output: 'service healthy' });
    else resolve({ healthy: false, output: `service unhealthy (responded with "${statuses[answer?.status ?? 0] ?? answer?.status}")` });
  });
  try {
    return await promise;
  } finally {
    client.close();
  }
}

function failureText(error: ServiceError, address: string, timeoutMs: number): string {
  switch (error.code) {
    case status.UNIMPLEMENTED:
      return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`;
    case status.DEADLINE_EXCEEDED:
      return `timeout: health rpc did not complete within ${timeoutMs / 1000}s`;
    case status.UNAVAILABLE:
      return `error: failed to connect service at "${address}": ${error.details}`;
    default:
      return `error: health rpc probe failed: rpc error: code = ${status[error.code]} desc = ${error.details}`;
  }
}
