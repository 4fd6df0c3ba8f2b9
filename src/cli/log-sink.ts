import { styleText } from 'node:util';
import type { LogRecord } from '../base/logger.ts';

/** Structured logs on stderr: JSON lines for machines, short lines where stderr is a terminal. */
export function logSink(format: 'json' | 'text'): (record: LogRecord) => void {
  return ({ level, message, fields }) => {
    const time = new Date().toISOString();
    if (format === 'json') {
      process.stderr.write(`${JSON.stringify({ time, level, message, ...plain(fields) })}\n`);
      return;
    }
    const rest = Object.entries(plain(fields))
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(' ');
    const mark = level === 'error' ? styleText('red', 'error') : level === 'warn' ? styleText('yellow', 'warn') : level;
    process.stderr.write(`${time.slice(11, 23)} ${mark} ${message}${rest ? ` ${rest}` : ''}\n`);
  };
}

/** Errors do not survive JSON.stringify. */
function plain(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) copy[name] = value instanceof Error ? (value.stack ?? value.message) : value;
  return copy;
}
