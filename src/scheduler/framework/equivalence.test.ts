import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Pod, PodSpec } from '../../api/types/core-v1.ts';
import { Core, makeNode, makePod } from '../testing/fixtures.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';

const zone = 'topology.kubernetes.io/zone';
const nodeNames = ['a', 'b', 'c', 'd', 'e'];

/** Kinds of pods that use every plugin whose answers are remembered or followed. */
const kinds: readonly { labels: Record<string, string>; requests: Record<string, string>; spec: Partial<PodSpec> }[] = [
  { labels: { app: 'x' }, requests: { cpu: '1', memory: '1Gi' }, spec: {} },
  { labels: { app: 'y' }, requests: { cpu: '3' }, spec: { affinity: { podAntiAffinity: required({ app: 'x' }, zone) } } },
  { labels: { app: 'z' }, requests: {}, spec: { affinity: { podAffinity: required({ app: 'x' }, 'kubernetes.io/hostname') } } },
  { labels: { app: 'x' }, requests: { cpu: '500m' }, spec: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'x' } } }] } },
  { labels: { app: 'x' }, requests: {}, spec: { nodeSelector: { [zone]: 'z0' }, tolerations: [{ operator: 'Exists' }] } },
];

function required(matchLabels: Record<string, string>, topologyKey: string) {
  return { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels }, topologyKey }] };
}

function podOf(kind: number): Pod {
  const { labels, requests, spec } = kinds[kind] as (typeof kinds)[number];
  return makePod(`kind-${kind}`, { metadata: { labels }, requests, spec });
}

function nodeOf(index: number, zoneIndex: number, tainted: boolean) {
  return makeNode(nodeNames[index] as string, { labels: { [zone]: `z${zoneIndex}` }, spec: tainted ? { taints: [{ key: 'k', effect: 'NoSchedule' }] } : {} });
}

type Step =
  | { readonly do: 'node'; readonly index: number; readonly zone: number; readonly tainted: boolean }
  | { readonly do: 'removeNode'; readonly index: number }
  | { readonly do: 'run'; readonly index: number; readonly kind: number }
  | { readonly do: 'end'; readonly at: number }
  | { readonly do: 'ask'; readonly kind: number };

const index = fc.nat(nodeNames.length - 1);
const kind = fc.nat(kinds.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('node' as const), index, zone: fc.nat(2), tainted: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('removeNode' as const), index }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('run' as const), index, kind }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), at: fc.nat(1000) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ask' as const), kind }) },
);

/** What a core that knows nothing from before says of every node. */
function verdicts(core: Core, kindIndex: number): Record<string, string> {
  const info = core.snapshot.info(podOf(kindIndex));
  const equivalence = core.equivalences.get(info.shape);
  equivalence.catchUp();
  const said: Record<string, string> = {};
  for (const slot of core.snapshot.order) {
    const node = core.snapshot.at(slot);
    said[node.name] = equivalence.rejection?.reasons.join() ?? equivalence.verdict(node)?.reasons.join() ?? 'fits';
  }
  core.snapshot.release(info);
  return said;
}

test('what is remembered equals what is worked out anew, whatever happened in between', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const core = new Core();
      const nodes = new Map<number, ReturnType<typeof nodeOf>>();
      let running: { info: PodInfo; nodeName: string; pod: Pod }[] = [];
      for (const one of steps) {
        switch (one.do) {
          case 'node':
            nodes.set(one.index, nodeOf(one.index, one.zone, one.tainted));
            core.nodes(nodes.get(one.index) as ReturnType<typeof nodeOf>);
            break;
          case 'removeNode':
            nodes.delete(one.index);
            core.snapshot.removeNode(nodeNames[one.index] as string);
            break;
          case 'run': {
            const nodeName = nodeNames[one.index] as string;
            const pod = podOf(one.kind);
            running.push({ info: core.run(nodeName, pod), nodeName, pod });
            break;
          }
          case 'end': {
            const gone = running[one.at % Math.max(1, running.length)];
            if (!gone) break;
            running = running.filter((other) => other !== gone);
            core.snapshot.removePod(gone.info, gone.nodeName);
            core.snapshot.release(gone.info);
            break;
          }
          case 'ask': {
            const fresh = new Core().nodes(...nodes.values());
            for (const { nodeName, pod } of running) fresh.run(nodeName, pod);
            assert.deepEqual(verdicts(core, one.kind), verdicts(fresh, one.kind));
            break;
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});
