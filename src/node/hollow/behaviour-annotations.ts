/**
 * The simple cases without a file: annotations of a pod that change how its
 * containers behave. `hollow.coxswain.dev/exit-code: "1"` is for all of them,
 * `hollow.coxswain.dev/exit-code.main: "1"` for one. Values that make no sense
 * are as if they were not there, since nobody is there to be told.
 */
import type { Pod } from '../../api/types/core-v1.ts';
import { milliValue, valueOf } from '../../api/quantity.ts';
import type { Behaviour, Usage } from './behaviour.ts';
import { parseGoDuration, type Delay } from './stages/delay.ts';

export const annotationPrefix = 'hollow.coxswain.dev/';

type Change = (behaviour: Behaviour, value: string) => Behaviour;

const changes: Readonly<Record<string, Change>> = {
  'pull-error': (behaviour, message) => ({ ...behaviour, pull: { delay: behaviour.pull?.delay ?? (() => 0), error: message } }),
  'start-delay': (behaviour, value) => withDelay(value, behaviour, (delay) => ({ ...behaviour, start: { ...behaviour.start, delay } })),
  'start-error': (behaviour, message) => ({ ...behaviour, start: { ...behaviour.start, error: { reason: 'RunContainerError', message } } }),
  'run-time': (behaviour, value) => withDelay(value, behaviour, (time) => ({ ...behaviour, run: { exitCode: 0, ...behaviour.run, time } })),
  'exit-code': (behaviour, value) => (/^\d{1,3}$/.test(value) ? { ...behaviour, run: { time: () => 1000, ...behaviour.run, exitCode: Number(value) } } : behaviour),
  'ready-delay': (behaviour, value) => (value === 'never' ? withoutReady(behaviour) : withDelay(value, behaviour, (ready) => ({ ...behaviour, ready }))),
  'live-time': (behaviour, value) => withDelay(value, behaviour, (live) => ({ ...behaviour, live })),
  'stop-delay': (behaviour, value) => withDelay(value, behaviour, (delay) => ({ ...behaviour, stop: { ...behaviour.stop, delay } })),
  log: (behaviour, text) => ({ ...behaviour, logs: { lines: text.split('\n'), intervalMs: 0, repeat: false } }),
  cpu: (behaviour, value) => withUsage(behaviour, { cpu: amount(() => milliValue(value) / 1000) }),
  memory: (behaviour, value) => withUsage(behaviour, { memoryBytes: amount(() => valueOf(value)) }),
};

/** The behaviour itself where no annotation says otherwise. */
export function annotatedBehaviour(behaviour: Behaviour, pod: Pod, container: string): Behaviour {
  let result = behaviour;
  for (const [key, value] of Object.entries(pod.metadata.annotations ?? {})) {
    if (!key.startsWith(annotationPrefix)) continue;
    const [name = '', only] = split(key.slice(annotationPrefix.length));
    if (only !== undefined && only !== container) continue;
    result = changes[name]?.(result, value) ?? result;
  }
  return result;
}

/** Container names have no dots. */
function split(key: string): [name: string, container: string | undefined] {
  const dot = key.indexOf('.');
  return dot < 0 ? [key, undefined] : [key.slice(0, dot), key.slice(dot + 1)];
}

function withDelay(text: string, behaviour: Behaviour, change: (delay: Delay) => Behaviour): Behaviour {
  const ms = parseGoDuration(text);
  return ms === undefined ? behaviour : change(() => ms);
}

function withoutReady({ ready: _, ...behaviour }: Behaviour): Behaviour {
  return behaviour;
}

function withUsage(behaviour: Behaviour, usage: Partial<Record<keyof Usage, number | undefined>>): Behaviour {
  const { cpu = behaviour.usage?.cpu ?? 0, memoryBytes = behaviour.usage?.memoryBytes ?? 0 } = usage;
  return { ...behaviour, usage: { cpu, memoryBytes } };
}

function amount(read: () => number): number | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
