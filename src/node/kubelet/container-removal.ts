/** Which of a pod's ended containers the runtime need not keep. */
import type { RuntimePod } from './runtime.ts';
import type { WorkerHost } from './worker-host.ts';

/** The attempt before the latest is kept: its end is the container's last state. */
export async function removeOldAttempts({ runtime, logger }: WorkerHost, view: RuntimePod | undefined, name: string): Promise<void> {
  const attempts = view?.containers.filter((container) => container.name === name) ?? [];
  for (const old of attempts.slice(0, -2)) await runtime.removeContainer(old.id).catch((error: unknown) => logger.warn('removing an old container failed', { container: old.id, error }));
}

/** So that the pod begins anew in its sandbox. Resolves to whether all are gone. */
export async function removeAll({ runtime, logger }: WorkerHost, view: RuntimePod | undefined): Promise<boolean> {
  try {
    await Promise.all(view?.containers.map(({ id }) => runtime.removeContainer(id)) ?? []);
    return true;
  } catch (error) {
    logger.warn('removing containers for their restart failed', { pod: view?.uid, error });
    return false;
  }
}
