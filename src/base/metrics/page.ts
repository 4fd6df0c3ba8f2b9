/** The metrics page of a process: this thread's registry, and what other threads say when they are asked. */
import { exposition, expositionFormat, expositionTypes } from './exposition.ts';
import { mergeSnapshots, type FamilySnapshot, type MetricRegistry } from './registry.ts';

/** Resolves with what a thread has counted; it may have to wait for the thread's turn. */
export type MetricSource = () => Promise<readonly FamilySnapshot[]>;

export class MetricsPage {
  readonly registry: MetricRegistry;
  readonly #others: MetricSource[] = [];

  constructor(registry: MetricRegistry) {
    this.registry = registry;
  }

  add(source: MetricSource): void {
    this.#others.push(source);
  }

  /** In the format that the Accept header prefers. Other work has its turn between two families. */
  async render(accept: string | undefined): Promise<{ readonly contentType: string; readonly text: string }> {
    const others = await Promise.all(this.#others.map((source) => source()));
    const format = expositionFormat(accept);
    let text = '';
    for (const family of exposition(mergeSnapshots([this.registry.snapshot(), ...others]), format)) {
      text += family;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { contentType: expositionTypes[format], text };
  }
}
