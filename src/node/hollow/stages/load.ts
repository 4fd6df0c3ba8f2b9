/**
 * Reads a file of behaviours and stages: YAML documents, of these kinds.
 *
 * - `hollow.coxswain.dev/v1alpha1 Behaviour`: how containers behave (behaviour.ts).
 * - `kwok.x-k8s.io/v1alpha1 Stage` for Pods: what becomes of a pod, and when
 *   (pod-stage.ts). Stages for other kinds are left out, with a note: nodes are
 *   kubelets here, and the rest of the cluster has controllers.
 */
import { parseAllDocuments } from 'yaml';
import { milliValue, valueOf } from '../../../api/quantity.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import type { ContainerKind } from '../../kubelet/runtime.ts';
import type { Behaviour, CommandScript, LogScript, Usage } from '../behaviour.ts';
import { noDelay, parseDelay, type DelaySpec } from './delay.ts';
import { parsePodStage, type PodStage, type StageSpec } from './pod-stage.ts';
import { parseSelector, type SelectorSpec } from './selector.ts';

export interface LoadedStages {
  readonly behaviours: readonly Behaviour[];
  readonly podStages: readonly PodStage[];
  /** What was left out, and why: for the person who wrote the file. */
  readonly notes: readonly string[];
}

interface Document {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly name?: string };
  readonly spec?: object;
}

/** Throws Error that names the document and what is wrong with it. */
export function loadStages(text: string): LoadedStages {
  const behaviours: Behaviour[] = [];
  const podStages: PodStage[] = [];
  const notes: string[] = [];
  for (const parsed of parseAllDocuments(text)) {
    if ('errors' in parsed && parsed.errors[0]) throw new Error(`stages: ${parsed.errors[0].message}`);
    const document = ('toJS' in parsed ? (parsed.toJS() as Document | null) : null) ?? undefined;
    if (document === undefined) continue;
    const { apiVersion = '', kind = '', metadata, spec = {} } = document;
    const name = metadata?.name ?? '';
    const is = `${apiVersion} ${kind}`;
    try {
      if (is === 'hollow.coxswain.dev/v1alpha1 Behaviour') behaviours.push(parseBehaviour(name, spec));
      else if (is !== 'kwok.x-k8s.io/v1alpha1 Stage') throw new Error(`${is} is no kind of stages; there are hollow.coxswain.dev/v1alpha1 Behaviour and kwok.x-k8s.io/v1alpha1 Stage`);
      else if ((spec as StageSpec).resourceRef?.kind === 'Pod') podStages.push(parsePodStage(name, spec as StageSpec));
      else notes.push(`stage ${name}: left out, since it is for ${(spec as StageSpec).resourceRef?.kind ?? 'nothing'}: of hollow nodes only Pods have stages`);
    } catch (error) {
      throw new Error(`stages: ${kind || 'document'} ${JSON.stringify(name)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  return { behaviours, podStages, notes };
}

interface BehaviourSpec {
  readonly selector?: SelectorSpec;
  readonly containers?: readonly string[];
  readonly kinds?: readonly ContainerKind[];
  readonly pull?: { readonly delay?: DelaySpec; readonly error?: string };
  readonly start?: { readonly delay?: DelaySpec; readonly error?: { readonly reason?: string; readonly message?: string } };
  readonly run?: { readonly time?: DelaySpec; readonly exitCode?: number; readonly reason?: string; readonly message?: string };
  readonly ready?: { readonly delay?: DelaySpec; readonly never?: boolean };
  readonly live?: { readonly time?: DelaySpec };
  readonly stop?: { readonly delay?: DelaySpec; readonly exitCode?: number };
  readonly logs?: { readonly lines?: readonly string[]; readonly intervalMilliseconds?: number; readonly repeat?: boolean };
  readonly exec?: readonly { readonly command: string; readonly stdout?: string; readonly stderr?: string; readonly exitCode?: number; readonly delayMilliseconds?: number }[];
  readonly ports?: readonly { readonly port: number; readonly reply?: string }[];
  readonly usage?: { readonly cpu?: string | number; readonly memory?: string | number };
}

/** The fields of each part of a behaviour; others are mistakes. */
const fields: Readonly<Record<string, readonly string[]>> = {
  '': ['selector', 'containers', 'kinds', 'pull', 'start', 'run', 'ready', 'live', 'stop', 'logs', 'exec', 'ports', 'usage'],
  pull: ['delay', 'error'],
  start: ['delay', 'error'],
  run: ['time', 'exitCode', 'reason', 'message'],
  ready: ['delay', 'never'],
  live: ['time'],
  stop: ['delay', 'exitCode'],
  logs: ['lines', 'intervalMilliseconds', 'repeat'],
  usage: ['cpu', 'memory'],
};

function parseBehaviour(name: string, spec: BehaviourSpec): Behaviour {
  for (const [part, known] of Object.entries(fields))
    for (const field of Object.keys((part === '' ? spec : spec[part as keyof BehaviourSpec]) ?? {})) if (!known.includes(field)) throw new Error(`unknown field ${JSON.stringify(part === '' ? field : `${part}.${field}`)}`);
  const { containers, kinds, pull, start, run, ready, live, stop, logs, exec, ports, usage } = spec;
  const matches = parseSelector(spec.selector);
  return {
    name,
    applies: (pod: Pod, container, kind) => (kinds?.includes(kind) ?? true) && (containers?.includes(container) ?? true) && matches(pod),
    ...(pull ? { pull: { delay: parseDelay(pull.delay), ...(pull.error === undefined ? {} : { error: pull.error }) } } : {}),
    start: { delay: parseDelay(start?.delay), ...(start?.error ? { error: { reason: start.error.reason ?? 'RunContainerError', message: start.error.message ?? '' } } : {}) },
    ...(run ? { run: { time: parseDelay(run.time), exitCode: run.exitCode ?? 0, ...(run.reason ? { reason: run.reason } : {}), ...(run.message ? { message: run.message } : {}) } } : {}),
    ...(ready?.never ? {} : { ready: ready ? parseDelay(ready.delay) : noDelay }),
    ...(live ? { live: parseDelay(live.time) } : {}),
    stop: { delay: parseDelay(stop?.delay), exitCode: stop?.exitCode ?? 0 },
    ...(logs ? { logs: logScript(logs) } : {}),
    ...(exec ? { exec: exec.map(commandScript) } : {}),
    ...(ports ? { ports: ports.map(({ port, reply }) => ({ port, reply })) } : {}),
    ...(usage ? { usage: usageOf(usage) } : {}),
  };
}

function logScript({ lines = [], intervalMilliseconds = 0, repeat = false }: NonNullable<BehaviourSpec['logs']>): LogScript {
  if (repeat && !(intervalMilliseconds > 0)) throw new Error('logs.repeat needs logs.intervalMilliseconds');
  return { lines, intervalMs: intervalMilliseconds, repeat };
}

function commandScript({ command, stdout = '', stderr = '', exitCode = 0, delayMilliseconds = 0 }: NonNullable<BehaviourSpec['exec']>[number]): CommandScript {
  return { command, stdout, stderr, exitCode, takesMs: delayMilliseconds };
}

function usageOf({ cpu = 0, memory = 0 }: NonNullable<BehaviourSpec['usage']>): Usage {
  return { cpu: milliValue(String(cpu)) / 1000, memoryBytes: valueOf(String(memory)) };
}
