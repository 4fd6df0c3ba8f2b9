/** The images of a runtime, and the words that say why one is not to be had (upstream's pkg/kubelet/images). */
import type { RegistryCredentials, RuntimeImage } from '../kubelet/runtime.ts';
import { StartError } from '../kubelet/runtime.ts';
import { imageService } from './api.ts';
import type { Answer, Message } from './api.ts';
import type { CriConnection } from './connection.ts';
import { CriError, isNotFound } from './connection.ts';
import { imageToAskFor } from './image-names.ts';

/** Errors that a runtime names in the beginning of its message, and what the pod is told of them. */
const namedErrors: Readonly<Record<string, string>> = {
  RegistryUnavailable: 'the registry is unavailable',
  SignatureValidationFailed: 'the signature validation failed',
};

export class Images {
  readonly #connection: CriConnection;

  constructor(connection: CriConnection) {
    this.#connection = connection;
  }

  /** Undefined: it is not on the node. Rejects with StartError. */
  async find(image: string): Promise<Answer<'Image'> | undefined> {
    const asked = imageToAskFor(image);
    try {
      return (await this.#connection.call(imageService.imageStatus, { image: { image: asked } })).image ?? undefined;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      throw new StartError('ImageInspectError', `Failed to inspect image "${image}": ${error.framed}`);
    }
  }

  /** Resolves to its size. Rejects with StartError. `sandboxConfig`: of the pod that it is for. */
  async pull(image: string, sandboxConfig: Message<'PodSandboxConfig'>, credentials: RegistryCredentials | undefined): Promise<number> {
    const asked = imageToAskFor(image);
    const annotations = sandboxConfig.annotations ?? {};
    // Whose registry they are for has been seen to; runtimes differ in how they read its address.
    const auth = credentials && { ...credentials, serverAddress: '' };
    try {
      const { imageRef } = await this.#connection.call(imageService.pullImage, { image: { image: asked, userSpecifiedImage: image, annotations }, auth, sandboxConfig }, Infinity);
      const { image: pulled } = await this.#connection.call(imageService.imageStatus, { image: { image: imageRef } });
      return pulled?.size ?? 0;
    } catch (error) {
      throw error instanceof CriError ? pullError(image, error) : error;
    }
  }

  async list(): Promise<readonly RuntimeImage[]> {
    const { images } = await this.#connection.call(imageService.listImages, {});
    return images.map(({ id, repoTags, repoDigests, size, uid, username, pinned }) => ({
      id,
      names: [...repoTags, ...repoDigests],
      sizeBytes: size,
      user: uid || username ? { uid: uid?.value, name: username } : undefined,
      pinned,
    }));
  }

  async remove(imageId: string): Promise<void> {
    await this.#connection.call(imageService.removeImage, { image: { image: imageId } }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}

function pullError(image: string, error: CriError): StartError {
  const [name = ''] = error.message.split(':');
  const why = namedErrors[name];
  if (why !== undefined) return new StartError(name, `image pull failed for ${image} because ${why}${error.message.slice(name.length)}`);
  return new StartError('ErrImagePull', error.framed);
}
