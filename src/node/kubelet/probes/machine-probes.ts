/** Probes of real containers, from their node: by HTTP, TCP and gRPC to the pod's address, or by a command in the container. */
import type { Clock } from '../../../base/clock.ts';
import type { MetricRegistry } from '../../../base/metrics/registry.ts';
import type { Probe } from '../../../api/types/core-v1.ts';
import { expand } from '../expansion.ts';
import type { ProbeResult, Runtime } from '../runtime.ts';
import type { ProbeCall, ProbeRunner } from '../worker-host.ts';
import { containerPort } from './container-port.ts';
import { grpcHealth } from './grpc-health.ts';
import { httpGet } from './http-get.ts';
import { ProbeMetrics } from './probe-metrics.ts';
import { tcpConnect } from './tcp-connect.ts';

/** What could not be asked is asked again at once, so often. */
const triesMax = 3;

export class MachineProbes implements ProbeRunner {
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #metrics: ProbeMetrics;

  constructor(runtime: Runtime, clock: Clock, metrics: MetricRegistry) {
    this.#runtime = runtime;
    this.#clock = clock;
    this.#metrics = new ProbeMetrics(metrics);
  }

  forget(podUid: string): void {
    this.#metrics.forget(podUid);
  }

  async run(call: ProbeCall): Promise<ProbeResult> {
    const probe = call.container[`${call.kind}Probe`] ?? {};
    let result = await this.#once(call, probe);
    for (let tries = 1; result.kind === 'error' && tries < triesMax; tries++) result = await this.#once(call, probe);
    this.#metrics.observe(call, result);
    return result;
  }

  async #once(call: ProbeCall, probe: Probe): Promise<ProbeResult> {
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    const timeout = new AbortController();
    const timer = this.#clock.after(timeoutMs, () => timeout.abort());
    try {
      return await this.#ask(call, probe, timeoutMs, timeout.signal);
    } catch (error) {
      return { healthy: false, output: (error as Error).message, kind: 'error' };
    } finally {
      timer.cancel();
    }
  }

  /** Rejects where it could not be asked at all. */
  async #ask(call: ProbeCall, { exec, httpGet: http, tcpSocket, grpc }: Probe, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
    const { container, podIps } = call;
    const podIp = podIps[0] ?? '';
    if (exec) return this.#exec(call, exec.command ?? [], timeoutMs);
    if (http) {
      containerPort(http.port, container);
      return httpGet(http, container, podIp, 'probe', signal).then(verdict, failed);
    }
    if (tcpSocket) {
      const port = containerPort(tcpSocket.port, container);
      return tcpConnect(tcpSocket.host || podIp, port, signal).then(() => ({ healthy: true, output: '' }), failed);
    }
    if (grpc) return grpcHealth(podIp, grpc.port, grpc.service ?? '', timeoutMs, this.#clock.now());
    throw new Error(`missing probe handler for ${call.pod.metadata.namespace}/${call.pod.metadata.name}:${container.name}`);
  }

  async #exec({ container, containerId }: ProbeCall, command: readonly string[], timeoutMs: number): Promise<ProbeResult> {
    if (!this.#runtime.execSync) throw new Error('the runtime runs no commands');
    const expanded = command.map((part) => expand(part, (name) => container.env?.findLast((variable) => variable.name === name && !variable.valueFrom)?.value ?? `$(${name})`));
    const { exitCode, output } = await this.#runtime.execSync(containerId, expanded, timeoutMs);
    if (exitCode === undefined) return { healthy: false, output: `command timed out: "${expanded.join(' ')}" timed out after ${timeoutMs / 1000}s` };
    return { healthy: exitCode === 0, output };
  }
}

function failed(error: Error): ProbeResult {
  return { healthy: false, output: error.message };
}

function verdict({ status, body }: { readonly status: number; readonly body: string }): ProbeResult {
  if (status >= 200 && status < 300) return { healthy: true, output: body };
  // A redirect to elsewhere: it answers, but whoever is asked is not who was meant.
  if (status >= 300 && status < 400) return { healthy: true, output: `Probe terminated redirects, Response body: ${body}`, kind: 'warning' };
  return { healthy: false, output: `HTTP probe failed with statuscode: ${status}` };
}
