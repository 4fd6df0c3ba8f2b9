/** Lifecycle hooks of real containers: a command in the container, an HTTP GET of it, or a sleep. */
import type { Clock } from '../../base/clock.ts';
import type { HTTPGetAction, Pod } from '../../api/types/core-v1.ts';
import { httpGet } from './probes/http-get.ts';
import type { Runtime } from './runtime.ts';
import type { HookCall, LifecycleHooks } from './worker-host.ts';

/** Commands have no time of their own: who waits for a hook gives it up. */
const commandTimeoutMs = 24 * 3600 * 1000;

export interface MachineHooksOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

export class MachineHooks implements LifecycleHooks {
  readonly #options: MachineHooksOptions;

  constructor(options: MachineHooksOptions) {
    this.#options = options;
  }

  async run(call: HookCall): Promise<void> {
    const { exec, httpGet: http, sleep } = call.handler;
    if (exec) return untilAborted(this.#exec(call, exec.command ?? []), call.signal);
    if (http) return this.#http(call, http);
    if (sleep) return this.#options.clock.sleep(sleep.seconds * 1000, call.signal);
    throw new Error('Cannot run handler: invalid handler');
  }

  async #exec({ pod, container, containerId }: HookCall, command: readonly string[]): Promise<void> {
    const { runtime } = this.#options;
    if (!runtime.execSync) throw new Error('the runtime runs no commands');
    const { exitCode, output } = await runtime.execSync(containerId, command, commandTimeoutMs);
    if (exitCode === 0) return;
    const { name, namespace, uid } = pod.metadata;
    throw new Error(`Exec lifecycle hook ([${command.join(' ')}]) for Container "${container.name}" in Pod "${name}_${namespace}(${uid})" failed - error: command '${command.join(' ')}' exited with ${exitCode}: ${output}, message: "${output}"`);
  }

  /** Any answer is good. A server that does not speak TLS is asked without. */
  async #http({ pod, podIps, container, signal }: HookCall, action: HTTPGetAction): Promise<void> {
    const podIp = podIps[0] ?? '';
    try {
      await httpGet(action, container, podIp, 'lifecycle', signal);
    } catch (error) {
      if (action.scheme !== 'HTTPS' || !(error as Error).message.includes('HTTP response to HTTPS client')) throw error;
      const httpHeaders = action.httpHeaders?.filter(({ name }) => name.toLowerCase() !== 'authorization');
      await httpGet({ ...action, scheme: 'HTTP', httpHeaders }, container, podIp, 'lifecycle', signal);
      this.#options.record(pod, 'Warning', 'LifecycleHTTPFallback', `request to HTTPS lifecycle hook ${action.host || podIp}:${action.port} got HTTP response, retry with HTTP succeeded`);
    }
  }
}

/** What cannot be stopped is left to itself. */
function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(new Error('given up'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', onAbort));
}
