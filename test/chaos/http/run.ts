/**
 * Requests through a door into the embedded queue, while the app behind it is killed again and again: whatever was answered
 * 202 has to be in the ledger, processed or parked. What was answered 400 must not be.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep, systemClock } from '../../../core/clock.ts'
import { createRandom } from '../../simulation/random.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { until } from '../../support/until.ts'
import { type EffectsFile, effectsFile } from '../effects-file.ts'
import { createMembers, type Members } from '../members.ts'
import { type Sent, sendAll } from './client.ts'
import { type HttpJudgement, judgeHttp } from './judge.ts'

export interface HttpChaosOptions {
  readonly records: number
  /** Milliseconds from one kill to the next, give or take a quarter. */
  readonly killEveryMs: number
  /** After so many it is left alone. Left out: it never is. */
  readonly mostKills?: number
  readonly seed: number
  readonly say: (line: string) => void
}

export interface HttpChaosReport extends HttpJudgement {
  readonly source: 'http'
  readonly records: number
  readonly seed: number
  readonly kills: number
  readonly requests: number
  readonly perSecond: number
  readonly seconds: number
}

const APP = 'app'
const CONFIG = 'test/chaos/http/app/millrace.config.ts'
const SAY_EVERY_MS = 10_000
/** Without any progress for so long, what is missing never comes. */
const STUCK_MS = 20_000
/** What failed comes a second time after its back-off. */
const SETTLED_MS = 2_000
const LOOK_EVERY_MS = 250
const ACCEPTED = 202

export const runHttpChaos = async (options: HttpChaosOptions): Promise<HttpChaosReport> => {
  const { records, killEveryMs, mostKills = Number.POSITIVE_INFINITY, seed, say } = options
  const folder = await mkdtemp(join(tmpdir(), 'millrace-chaos-http-'))
  const port = await freePort()
  const effects = effectsFile(join(folder, 'effects'))
  const members = createMembers(folder, { CHAOS_PORT: String(port), CHAOS_EFFECTS: effects.path }, CONFIG)
  const startedAt = systemClock.monotonic()
  const sent: Sent = { answers: new Uint16Array(records), requests: 0, answered: 0 }
  const over = new AbortController()
  try {
    members.start(APP)
    const killing = keepKilling(members, sent, { killEveryMs, mostKills, seed, signal: over.signal })
    const told = tell(() => say(progress(sent, effects)), over.signal)
    await sendAll(port, sent)
    over.abort()
    const [kills] = await Promise.all([killing, told])
    const seconds = (systemClock.monotonic() - startedAt) / 1_000
    say(`all were answered after ${kills} kills`)
    await untilQuiet(effects, sent.answers.filter(status => status === ACCEPTED).length)
    await members.endAll()
    const judgement = judgeHttp(sent.answers, effects.all(), await members.parked())
    if (judgement.ok) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    else say(`what was written is kept in ${folder}`)
    const perSecond = Math.round(records / seconds)
    return {
      source: 'http',
      records,
      seed,
      kills,
      requests: sent.requests,
      perSecond,
      seconds: Math.round(seconds),
      ...judgement,
    }
  } finally {
    over.abort()
    for (const name of members.names()) await members.end(name, 'SIGKILL')
  }
}

const progress = ({ answered, requests }: Sent, effects: EffectsFile): string =>
  `${answered} answered of ${requests} requests, ${effects.lines()} runs`

interface Killing {
  readonly killEveryMs: number
  readonly mostKills: number
  readonly seed: number
  readonly signal: AbortSignal
}

/** Answers how often it did. What it killed is started again at once, on the same port and state, and lives once it answers. */
const keepKilling = async (
  members: Members,
  sent: Pick<Sent, 'answered'>,
  { killEveryMs, mostKills, seed, signal }: Killing,
): Promise<number> => {
  const random = createRandom(seed)
  for (let kills = 0; kills < mostKills; kills += 1) {
    const before = sent.answered
    while (sent.answered === before && !signal.aborted) await sleep(systemClock, LOOK_EVERY_MS, signal)
    await sleep(systemClock, killEveryMs * (0.75 + random.next() / 2), signal)
    if (signal.aborted) return kills
    await members.end(APP, 'SIGKILL')
    members.start(APP)
  }
  return mostKills
}

const tell = async (say: () => void, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await sleep(systemClock, SAY_EVERY_MS, signal)
    say()
  }
}

/** Until the function has seen all it can see, or nothing more happens: then the judge says what is missing. */
const untilQuiet = async (effects: EffectsFile, acknowledged: number): Promise<void> => {
  let [lines, since] = [-1, systemClock.monotonic()]
  await until(
    'nothing more is processed',
    async () => {
      const now = effects.lines()
      if (now !== lines) [lines, since] = [now, systemClock.monotonic()]
      await sleep(systemClock, LOOK_EVERY_MS)
      const quietMs = systemClock.monotonic() - since
      return quietMs > STUCK_MS || (lines >= acknowledged && quietMs > SETTLED_MS) ? true : undefined
    },
    { timeoutMs: 3_600_000 },
  )
}
