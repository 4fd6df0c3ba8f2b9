/** Structured logging. `fields` are flat; errors go under `error`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every record. */
  child(fields: LogFields): Logger;
}

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger over any sink; records under `level` are dropped before they cost anything. */
export function createLogger(sink: (record: LogRecord) => void, level: LogLevel = 'info', fields: LogFields = {}): Logger {
  const least = rank[level];
  const emit = (at: LogLevel) => (message: string, more?: LogFields) => {
    if (rank[at] >= least) sink({ level: at, message, fields: more ? { ...fields, ...more } : fields });
  };
  return {
    debug: emit('debug'),
    info: emit('info'),
    warn: emit('warn'),
    error: emit('error'),
    child: (more) => createLogger(sink, level, { ...fields, ...more }),
  };
}

export const silentLogger: Logger = createLogger(() => {}, 'error');
