/**
 * What a pretended container has logged: a function of its script, its start and
 * its end, worked out when somebody asks. Nothing is kept, whatever it says.
 */
import { formatMicroTime } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { LogLine, LogRequest } from '../kubelet/runtime.ts';
import type { LogScript } from './behaviour.ts';
import { compileTemplate } from './stages/template.ts';

export interface LoggingContainer {
  readonly name: string;
  readonly image: string;
  readonly state: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}

/** A container without a script says what it is. */
export function defaultLog(container: LoggingContainer, { metadata }: Pod): LogScript {
  return { lines: [`hollow container ${container.name} of pod ${metadata.namespace}/${metadata.name} pretends to run ${container.image}`], intervalMs: 0, repeat: false };
}

/** `current` is asked again while following: the container may have ended. */
export async function* logLines(script: LogScript, current: () => LoggingContainer | undefined, { pod, sinceMs, tailLines, follow, signal }: LogRequest, clock: Clock): AsyncGenerator<LogLine> {
  const first = current();
  if (!first || first.startedAtMs === 0 || script.lines.length === 0) return;
  const { startedAtMs } = first;
  const logged = (): number => {
    const container = current();
    const untilMs = container?.state === 'running' ? clock.now() : (container?.finishedAtMs ?? startedAtMs);
    const due = script.intervalMs > 0 ? Math.floor((untilMs - startedAtMs) / script.intervalMs) + 1 : script.lines.length;
    return Math.max(0, script.repeat ? due : Math.min(due, script.lines.length));
  };
  const timeOf = (index: number) => startedAtMs + index * script.intervalMs;
  let goesOn = follow && first.state === 'running';
  let until = logged();
  let next = tailLines === undefined ? 0 : Math.max(0, until - tailLines);
  if (sinceMs !== undefined) next = Math.max(next, script.intervalMs > 0 ? Math.ceil((sinceMs - startedAtMs) / script.intervalMs) : startedAtMs >= sinceMs ? 0 : script.lines.length);
  const texts = script.lines.map((line) => (line.includes('{{') ? filled(line, pod) : line));
  for (;;) {
    for (; next < until; next++) yield { time: formatMicroTime(timeOf(next)).replace('Z', '000Z'), stream: 'stdout', text: `${texts[next % texts.length]}\n` };
    if (!goesOn || signal.aborted) return;
    // Not later than a second: the container may end meanwhile.
    const waitMs = script.intervalMs > 0 && (script.repeat || next < texts.length) ? Math.min(1000, timeOf(next) - clock.now()) : 1000;
    await clock.sleep(Math.max(1, waitMs), signal).catch(() => {});
    // In this order: what came before the end is not left out.
    goesOn = current()?.state === 'running';
    until = logged();
  }
}

function filled(line: string, pod: Pod): string {
  try {
    return compileTemplate(line)(pod);
  } catch {
    return line;
  }
}
