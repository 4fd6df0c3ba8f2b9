/**
 * Keeps the images' disk from filling up: above the high threshold, images that
 * nobody uses go, the longest unused first, until the low threshold is reached.
 * Policy and messages: upstream's pkg/kubelet/images/image_gc_manager.go.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Runtime, RuntimeImage } from '../runtime.ts';
import type { FsFigures } from './machine.ts';

export interface ImagePolicy {
  /** Percent of the disk in use. */
  readonly high: number;
  readonly low: number;
  /** An image that has just been pulled is about to be used. */
  readonly minAgeMs: number;
}

export const defaultImagePolicy: ImagePolicy = { high: 85, low: 80, minAgeMs: 120_000 };

export interface ImageCollectorOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: ImagePolicy;
  /** Names that stay, used or not: the sandboxes' own image. */
  readonly keep: readonly string[];
}

interface Known {
  readonly firstSeenAtMs: number;
  lastUsedAtMs: number;
}

export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  /** By image id. */
  readonly #known = new Map<string, Known>();

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
  }

  /** Looks at what is there and in use; the collections that follow go by it. */
  async detect(): Promise<readonly RuntimeImage[]> {
    const { runtime, clock } = this.#options;
    const images = (await runtime.images?.()) ?? [];
    const used = new Set((await runtime.list()).flatMap(({ containers }) => containers.flatMap(({ image, imageId }) => [image, imageId])));
    const now = clock.now();
    for (const image of images) {
      const known = this.#known.get(image.id) ?? { firstSeenAtMs: now, lastUsedAtMs: 0 };
      this.#known.set(image.id, known);
      if (used.has(image.id) || image.names.some((name) => used.has(name))) known.lastUsedAtMs = now;
    }
    for (const id of this.#known.keys()) if (!images.some((image) => image.id === id)) this.#known.delete(id);
    return images;
  }

  /** Frees what the policy asks for. Rejects where that much cannot be had; the message is an event's. */
  async collect(disk: FsFigures): Promise<void> {
    const { policy } = this.#options;
    const images = await this.detect();
    if (disk.capacityBytes === 0) throw new Error('invalid capacity 0 on image filesystem');
    const usedPercent = 100 - Math.floor((disk.availableBytes * 100) / disk.capacityBytes);
    if (usedPercent < policy.high) return;
    const wanted = Math.floor((disk.capacityBytes * (100 - policy.low)) / 100) - disk.availableBytes;
    const freed = await this.#free(images, wanted, policy.minAgeMs);
    if (freed < wanted) throw new Error(`Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`);
  }

  /** Everything that nobody uses: the last resort before pods go. */
  async collectAll(): Promise<void> {
    await this.#free(await this.detect(), Infinity, this.#options.policy.minAgeMs);
  }

  async #free(images: readonly RuntimeImage[], wanted: number, minAgeMs: number): Promise<number> {
    const { runtime, clock, logger, keep } = this.#options;
    const now = clock.now();
    const unused = images
      .flatMap((image) => {
        const known = this.#known.get(image.id);
        return known && known.lastUsedAtMs < now && !image.pinned && !image.names.some((name) => keep.includes(name)) ? [{ image, known }] : [];
      })
      .toSorted((a, b) => a.known.lastUsedAtMs - b.known.lastUsedAtMs || a.known.firstSeenAtMs - b.known.firstSeenAtMs);
    let freed = 0;
    for (const { image, known } of unused) {
      if (freed >= wanted) break;
      if (now - known.firstSeenAtMs < minAgeMs) continue;
      try {
        await runtime.removeImage?.(image.id);
        this.#known.delete(image.id);
        freed += image.sizeBytes;
      } catch (error) {
        logger.warn('removing an image failed', { image: image.id, error });
      }
    }
    return freed;
  }
}
