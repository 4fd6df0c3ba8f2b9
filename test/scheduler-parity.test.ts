/**
 * Our scheduler against upstream's, on clusters by chance: upstream's places the
 * pods one by one, and for each of them ours must find the same nodes feasible,
 * give them the same scores plugin by plugin, prefer the one that was chosen, or
 * refuse the pod in the same words.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { seededRandom, type Random } from '../src/base/random.ts';
import type { Node, Pod, Service } from '../src/api/types/core-v1.ts';
import type { Client } from '../src/client/client.ts';
import { nodes, pods, services } from '../src/client/resources.ts';
import type { FitError } from '../src/scheduler/framework/fit-error.ts';
import { defaultPreemption } from '../src/scheduler/plugins/default-preemption.ts';
import { dynamicResources } from '../src/scheduler/plugins/dynamic-resources.ts';
import type { PodInfo } from '../src/scheduler/snapshot/pod-info.ts';
import { Core, idleApi } from '../src/scheduler/testing/fixtures.ts';
import { comparePreemption, createPriorities } from './lib/preemption.ts';
import { randomNode, randomPod, randomServices } from './lib/random-cluster.ts';
import { JudgedServer, newsMs, withoutUpstream, type Scores } from './lib/upstream-scheduler.ts';

const rounds = Number(process.env['PARITY_ROUNDS'] ?? 12);
const firstSeed = Number(process.env['PARITY_SEED'] ?? 1);
const podsPerRound = 25;

describe('scheduling as upstream does', { skip: withoutUpstream }, () => {
  test('the same nodes, scores and reasons', { timeout: 240_000 }, async () => {
    await using judged = await JudgedServer.start();
    for (let seed = firstSeed; seed < firstSeed + rounds; seed++) await new Round(judged, seed).run();
  });

  test('the same victims', { timeout: 240_000 }, async () => {
    await using judged = await JudgedServer.start();
    await createPriorities(judged.client);
    for (let seed = firstSeed; seed < firstSeed + rounds; seed++) await comparePreemption(judged, seed);
  });
});

/** What upstream did with a pod. */
interface Decision {
  readonly pod: Pod;
  /** Undefined: it found none. */
  readonly node: string | undefined;
  readonly message: string;
}

class Round {
  readonly #judged: JudgedServer;
  readonly #client: Client;
  readonly #seed: number;
  readonly #random: Random;
  readonly #namespace: string;

  constructor(judged: JudgedServer, seed: number) {
    this.#judged = judged;
    this.#client = judged.client;
    this.#seed = seed;
    this.#random = seededRandom(seed);
    this.#namespace = `round-${seed}`;
  }

  async run(): Promise<void> {
    const chance = { random: this.#random, namespace: this.#namespace };
    await this.#judged.createNamespace(this.#namespace);
    const allServices = await Promise.all(randomServices(chance).map((service) => this.#client.create(services, service)));
    const names = Array.from({ length: 3 + this.#random.below(7) }, (_, i) => `n${this.#seed}-${i}`);
    const allNodes: Node[] = [];
    for (const name of names) allNodes.push(await this.#judged.createNode(randomNode(chance, name)));
    await wait(newsMs);
    const decisions: Decision[] = [];
    for (let i = 0; i < podsPerRound; i++) decisions.push(await this.#letUpstreamDecide(randomPod(chance, `p${this.#seed}-${i}`, names)));
    await wait(newsMs);
    this.#compare(allNodes, allServices, decisions);
    await this.#clear(names, decisions);
  }

  async #letUpstreamDecide(wanted: Pod): Promise<Decision> {
    const pod = await this.#client.create(pods, wanted);
    for (;;) {
      const { spec, status } = await this.#client.get(pods, pod.metadata);
      if (spec.nodeName) return { pod, node: spec.nodeName, message: '' };
      const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
      if (scheduled?.status === 'False') {
        // Later pods could make it schedulable, at a time nobody knows.
        await this.#client.delete(pods, pod.metadata, { gracePeriodSeconds: 0 });
        return { pod, node: undefined, message: scheduled.message ?? '' };
      }
      await wait(5);
    }
  }

  #compare(allNodes: readonly Node[], allServices: readonly Service[], decisions: readonly Decision[]): void {
    const core = new Core({ owners: { serviceSelectors: () => allServices.map(({ spec }) => spec?.selector ?? {}), controllerSelector: () => undefined } });
    core.nodes(...allNodes);
    for (const decision of decisions) {
      const { pod, node } = decision;
      const about = `seed ${this.#seed}, pod ${pod.metadata.name}: ${JSON.stringify(pod.spec)}`;
      const info = core.snapshot.info(pod);
      const ours = core.cycle.schedule(info);
      if (node === undefined) {
        assert.equal(ours.kind, 'unfit', about);
        if (ours.kind === 'unfit') assert.equal(explain(core, info, ours.error), decision.message, about);
        continue;
      }
      assert.equal(ours.kind, 'placed', about);
      const scores = this.#judged.upstream.scoresOf(pod.metadata.name ?? '');
      compareScores(core, pod, scores, node, about);
      core.run(node, pod);
    }
  }

  async #clear(names: readonly string[], decisions: readonly Decision[]): Promise<void> {
    for (const { pod, node } of decisions) if (node !== undefined) await this.#client.delete(pods, pod.metadata, { gracePeriodSeconds: 0 });
    for (const name of names) await this.#client.delete(nodes, { name });
    await wait(newsMs);
  }
}

/** With what preemption has to add. */
function explain(core: Core, info: PodInfo, error: FitError): string {
  const { snapshot, equivalences, nominator, cycle } = core;
  const preemption = defaultPreemption({ snapshot, equivalences, nominator, cycle: () => cycle, api: idleApi, clock: systemClock(), random: seededRandom(1), logger: silentLogger, budgets: () => [], onDemoted: () => {} });
  error.postFilterMessage = [dynamicResources, preemption].map((plugin) => plugin.postFilter(info, error).message).join(', ');
  return error.message;
}

function compareScores(core: Core, pod: Pod, upstream: Scores, chosen: string, about: string): void {
  const { snapshot, framework, equivalences } = core;
  const { shape } = snapshot.info(pod);
  const equivalence = equivalences.get(shape);
  equivalence.catchUp();
  const feasible = [...snapshot.order].map((slot) => snapshot.at(slot)).filter((node) => (equivalence.nodeNames?.has(node.name) ?? true) && !equivalence.verdict(node));
  const expected = upstream.size === 0 ? [chosen] : [...(upstream.values().next().value?.keys() ?? [])];
  assert.deepEqual(feasible.map(({ name }) => name).toSorted(), expected.toSorted(), `feasible nodes, ${about}`);
  if (upstream.size === 0) return;
  const slots = Int32Array.from(feasible.map(({ slot }) => slot));
  const totals = new Map<string, number>(expected.map((name) => [name, 0]));
  for (const plugin of framework.plugins.score) {
    const state = plugin.preScore(shape, snapshot);
    const scores = new Float64Array(slots.length);
    if (state !== undefined) {
      plugin.beginScores?.(state, slots, slots.length, snapshot);
      feasible.forEach((node, i) => (scores[i] = plugin.score(state, shape, node, snapshot)));
      plugin.normalize?.(state, scores, slots.length);
    }
    const ours = new Map(feasible.map(({ name }, i) => [name, (scores[i] as number) * plugin.weight]));
    for (const [name, score] of ours) totals.set(name, (totals.get(name) ?? 0) + score);
    const theirs = upstream.get(plugin.name) ?? new Map<string, number>();
    assert.deepEqual(relative(ours), relative(theirs.size > 0 ? theirs : new Map(expected.map((name) => [name, 0]))), `${plugin.name}, ${about}`);
  }
  assert.equal(totals.get(chosen), Math.max(...totals.values()), `the best node, ${about}`);
}

/** Only differences between nodes decide: a plugin may leave out what is the same for all. */
function relative(scores: ReadonlyMap<string, number>): Record<string, number> {
  const min = Math.min(...scores.values());
  return Object.fromEntries([...scores].map(([name, score]) => [name, score - min] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
