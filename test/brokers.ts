/**
 * Sees to it that the brokers which tests need can be had on this machine, before the tests run: `node test/brokers.ts`
 * installs all of them and says where they are; test/run.ts calls it for those that its files need.
 */
import type { BrokerKind } from './support/brokers/broker.ts'
import { BROKER_KINDS, FOUND_VARIABLE, type Found, WANT } from './support/brokers/found.ts'
import { provideBroker } from './support/brokers/provide/provide.ts'

export interface ProvidedBrokers {
  /** For the closing lines of a run: each broker with its version and where it came from. */
  readonly summary: string
  /** Whether `reason`, for which a test was skipped, is the want of a broker. */
  readonly isWant: (reason: unknown) => boolean
  close(): Promise<void>
}

const LIMIT_MS = 240_000
const write = (line: string): void => void process.stdout.write(`${line}\n`)

/** A test file says by its name which brokers it needs: `x.kafka.test.ts`; `x.brokers.test.ts` needs all. */
export const brokersFor = (files: readonly string[]): readonly BrokerKind[] =>
  BROKER_KINDS.filter(kind =>
    files.some(file => file.endsWith(`.${kind}.test.ts`) || file.endsWith('.brokers.test.ts')),
  )

/** What was found is handed to every process that starts from here on. */
export const provideBrokers = async (kinds: readonly BrokerKind[]): Promise<ProvidedBrokers> => {
  const ends: (() => Promise<void>)[] = []
  const options = {
    scope: { after: (end: () => Promise<void>) => void ends.push(end) },
    say: (line: string) => write(`── brokers: ${line}`),
    limitMs: LIMIT_MS,
  }
  const found = await Promise.all(kinds.map(async kind => [kind, await provideBroker(kind, options)] as const))
  process.env[FOUND_VARIABLE] = JSON.stringify(Object.fromEntries(found))
  return {
    summary: found.map(([kind, broker]) => describe(kind, broker)).join(', ') || 'none needed',
    isWant: reason => typeof reason === 'string' && reason.startsWith(WANT),
    close: async () => {
      for (const end of ends.toReversed()) await end()
    },
  }
}

const describe = (kind: BrokerKind, found: Found): string => {
  if (found.from === 'nowhere') return `NO ${kind} (${found.reason.replace(`${WANT}no ${kind}: `, '')})`
  return `${kind} ${found.version}${found.from === 'service' ? ` (${found.origin})` : ''}`
}

if (import.meta.main) {
  const brokers = await provideBrokers(BROKER_KINDS)
  write(`── brokers: ${brokers.summary}`)
  await brokers.close()
}
