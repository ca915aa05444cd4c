export type BrokerKind = 'kafka' | 'postgres' | 'rabbitmq' | 'redis'

/** A broker or database of a test: its own process on loopback, with its data in a temporary folder. */
export interface Broker {
  readonly kind: BrokerKind
  readonly version: string
  /** What a client connects to: `host:port` for Kafka, a URL for the others; the same after every restart. */
  readonly url: string
  /** Its folder with configuration, data and output, to look into when a test fails. */
  readonly folder: string
  /** Of the processes that run at this moment, helpers first. */
  pids(): readonly number[]
  /** Resolves when it has ended. SIGTERM lets it shut down in order. Its data stay for a restart. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Stops it as SIGSTOP does: its connections stay open and nobody answers. */
  pause(): void
  continue(): void
  /** Ends it, unless it has ended, and resolves when it takes connections again. */
  restart(how: 'clean' | 'SIGKILL'): Promise<void>
  /** Ends it for good and removes its data. Happens by itself at the end of the scope. */
  stop(): Promise<void>
}

/** What a broker lives in: a test's context, or a whole file ({@link file://./shared.ts}). */
export interface Scope {
  after(end: () => Promise<void>): void
}
