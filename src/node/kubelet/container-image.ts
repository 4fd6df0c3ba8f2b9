/** Sees to it that a container's images are on the node, as their pull policies want it. Events and reasons are upstream's (pkg/kubelet/images). */
import type { Container, Pod } from '../../api/types/core-v1.ts';
import type { Pulled } from './image-pulls.ts';
import { StartError } from './runtime.ts';
import type { RegistryCredentials } from './runtime.ts';
import type { ContainerField, WorkerHost } from './worker-host.ts';

/** The container's own, and those that are volumes of it. Rejects with StartError. */
export async function ensureImages(host: WorkerHost, pod: Pod, container: Container, field: ContainerField): Promise<void> {
  await ensureImage(host, pod, container.image ?? '', container.imagePullPolicy, field);
  for (const { name, image } of pod.spec.volumes ?? []) if (image && container.volumeMounts?.some((mount) => mount.name === name)) await ensureImage(host, pod, image.reference ?? '', image.pullPolicy, field);
}

async function ensureImage(host: WorkerHost, pod: Pod, image: string, policy = 'IfNotPresent', field: ContainerField): Promise<void> {
  const { runtime, clock } = host;
  if (policy !== 'Always' && (await runtime.hasImage(image, pod))) {
    host.record(pod, 'Normal', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`, field);
    return;
  }
  if (policy === 'Never') {
    const message = `Container image "${image}" is not present with pull policy of Never`;
    host.record(pod, 'Warning', 'ErrImageNeverPull', message, field);
    throw new StartError('ErrImageNeverPull', message);
  }
  host.record(pod, 'Normal', 'Pulling', `Pulling image "${image}"`, field);
  const beganAt = clock.monotonic();
  let pulled: Pulled;
  try {
    pulled = await pullWithCredentials(host, pod, image);
  } catch (error) {
    throw error instanceof StartError ? error : new StartError('ErrImagePull', error instanceof Error ? error.message : String(error));
  }
  const waitedMs = Math.round(clock.monotonic() - beganAt);
  host.onImagePulled(pod, waitedMs);
  const times = `in ${durationText(pulled.tookMs)} (${durationText(waitedMs)} including waiting)`;
  host.record(pod, 'Normal', 'Pulled', `Successfully pulled image "${image}" ${times}. Image size: ${pulled.sizeBytes} bytes.`, field);
}

/** With each of the credentials that the pod has for the registry, until one is good. */
async function pullWithCredentials(host: WorkerHost, pod: Pod, image: string): Promise<Pulled> {
  const all = (await host.setup?.credentials(pod, image)) ?? [];
  let failure: unknown;
  for (const credentials of all) {
    try {
      return await pull(host, pod, image, credentials);
    } catch (error) {
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
  return pull(host, pod, image, undefined);
}

async function pull({ pulls, runtime, clock }: WorkerHost, pod: Pod, image: string, credentials: RegistryCredentials | undefined): Promise<Pulled> {
  if (pulls) return pulls.pull(image, pod, credentials);
  const beganAt = clock.monotonic();
  const sizeBytes = await runtime.pullImage(image, pod, credentials);
  return { sizeBytes, tookMs: clock.monotonic() - beganAt };
}

/** As Go prints a duration in milliseconds: `12ms`, `1.234s`, `1m5.2s`. */
function durationText(ms: number): string {
  const whole = Math.round(ms);
  if (whole < 1000) return `${whole}ms`;
  const minutes = Math.floor(whole / 60_000);
  return `${minutes > 0 ? `${minutes}m` : ''}${(whole % 60_000) / 1000}s`;
}
