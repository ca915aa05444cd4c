/** Logging is passed in: a message that reads alone, and fields for machines. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A log whose lines all carry these fields. */
  with(fields: LogFields): Log
}

export type LogFields = Readonly<Record<string, unknown>>

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** A log over one function that takes each line. */
export const logTo = (
  write: (level: LogLevel, message: string, fields: LogFields) => void,
  bound: LogFields = {},
): Log => {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      write(level, message, fields ? { ...bound, ...fields } : bound)
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: fields => logTo(write, { ...bound, ...fields }),
  }
}

export const silentLog: Log = logTo(() => {})
