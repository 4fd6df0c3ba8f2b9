import { UsageError } from './usage-error.ts';

/** The path in `unix:///path`, which is how a runtime is named. */
export function runtimeSocket(runtime: string): string {
  if (!runtime.startsWith('unix:///')) throw new UsageError(`--runtime takes a socket, as unix:///run/containerd/containerd.sock, not "${runtime}"`);
  return runtime.slice('unix://'.length);
}
