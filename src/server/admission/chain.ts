/**
 * Runs the plugins: all that change the object, in order, then all that check
 * it. Nothing is awaited while the plugins answer at once, and most do: a write
 * that concerns no slow plugin stays in one turn of the loop.
 */
import type { AdmissionPlugin, AdmissionRequest } from './contract.ts';

type Step = (request: AdmissionRequest) => void | Promise<void>;

interface Stage {
  readonly plugin: AdmissionPlugin;
  readonly run: Step;
}

export class AdmissionChain {
  readonly #mutating: readonly Stage[];
  readonly #validating: readonly Stage[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#mutating = stagesOf(plugins, (plugin) => plugin.mutate?.bind(plugin));
    this.#validating = stagesOf(plugins, (plugin) => plugin.validate?.bind(plugin));
  }

  mutate(request: AdmissionRequest): void | Promise<void> {
    return run(this.#mutating, request);
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    return run(this.#validating, request);
  }
}

function stagesOf(
  plugins: readonly AdmissionPlugin[],
  stepOf: (plugin: AdmissionPlugin) => Step | undefined,
): Stage[] {
  const stages: Stage[] = [];
  for (const plugin of plugins) {
    const step = stepOf(plugin);
    if (step) stages.push({ plugin, run: step });
  }
  return stages;
}

function run(stages: readonly Stage[], request: AdmissionRequest): void | Promise<void> {
  for (let at = 0; at < stages.length; at++) {
    const stage = stages[at] as Stage;
    if (!stage.plugin.handles(request)) continue;
    const pending = stage.run(request);
    if (pending) return runRest(stages, request, at + 1, pending);
  }
}

async function runRest(
  stages: readonly Stage[],
  request: AdmissionRequest,
  from: number,
  pending: Promise<void>,
): Promise<void> {
  await pending;
  for (const stage of stages.slice(from)) if (stage.plugin.handles(request)) await stage.run(request);
}
