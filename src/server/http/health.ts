import type { Call } from './call.ts';
import { sendPageNotFound, sendText } from './respond.ts';

export interface HealthCheck {
  readonly name: string;
  /** Which of the three paths it belongs to. */
  readonly on: readonly ('healthz' | 'livez' | 'readyz')[];
  /** Undefined = well; else what is wrong (not shown to those who ask). */
  check(): string | undefined;
}

/** What lets the probes through while the server is starting. */
export function isHealthPath(path: string): boolean {
  return /^\/(healthz|livez|readyz)(\/|$)/.test(path);
}

/** /healthz, /livez, /readyz, each check at /livez/<name>; `?verbose`, `?exclude=`. The text is upstream's. */
export function serveHealth(call: Call): void {
  const [, kind, name] = call.info.path.split('/') as [string, 'healthz' | 'livez' | 'readyz', string | undefined];
  const checks = call.parts.health.filter(({ on }) => on.includes(kind));
  if (name) {
    const one = checks.find((check) => check.name === name);
    if (!one) return sendPageNotFound(call);
    const wrong = one.check();
    sendText(call, wrong === undefined ? 200 : 500, wrong === undefined ? 'ok' : `internal server error: ${wrong}`);
    return;
  }
  const excluded = new Set(call.info.query.getAll('exclude'));
  const lines: string[] = [];
  let failed = false;
  for (const check of checks) {
    if (excluded.has(check.name)) {
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    const wrong = check.check();
    if (wrong === undefined) lines.push(`[+]${check.name} ok`);
    else {
      failed = true;
      lines.push(`[-]${check.name} failed: reason withheld`);
    }
  }
  if (failed) sendText(call, 500, `${lines.join('\n')}\n${kind} check failed\n`);
  else if (call.info.query.has('verbose')) sendText(call, 200, `${lines.join('\n')}\n${kind} check passed\n`);
  else sendText(call, 200, 'ok');
}
