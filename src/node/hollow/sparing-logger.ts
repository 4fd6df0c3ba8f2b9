/**
 * A logger for a fleet: when a server is down, thousands of nodes have the same
 * to say. Of a warning with the same message one in ten seconds is passed on,
 * with how many were left out since the last.
 */
import type { Clock } from '../../base/clock.ts';
import { createLogger, type Logger, type LogRecord } from '../../base/logger.ts';

const periodMs = 10_000;

export function sparingLogger(logger: Logger, clock: Clock): Logger {
  const warned = new Map<string, { atMs: number; leftOut: number }>();
  return createLogger(({ level, message, fields }: LogRecord) => {
    if (level !== 'warn') return logger[level](message, fields);
    const nowMs = clock.monotonic();
    const last = warned.get(message);
    if (last && nowMs - last.atMs < periodMs) {
      last.leftOut++;
      return;
    }
    warned.set(message, { atMs: nowMs, leftOut: 0 });
    logger.warn(message, last?.leftOut ? { ...fields, alikeSinceTheLast: last.leftOut } : fields);
  }, 'debug');
}
