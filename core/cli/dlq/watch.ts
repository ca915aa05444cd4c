/** Watching a replay until it ends, or until it is clear that nobody works on it. */
import type { JobPart, JobStatus } from '../../../dlq/replay-store.ts'
import { sleep } from '../../clock.ts'
import type { ProcessStatus } from '../../status-board.ts'
import type { HostedApp, Run } from '../host.ts'
import { progressOn } from '../progress.ts'
import { count, printable } from '../text.ts'
import { progressText, type Speed } from './job-text.ts'

export interface Watched {
  readonly job: string
  readonly stateDir: string
  readonly where: 'here' | 'elsewhere'
  readonly signal: AbortSignal
}

const LOOK_EVERY_MS = 250
/** An app that starts now, or that was asleep, has had its chance after this. */
const HOST_WITHIN_MS = 30_000

export const watchReplay = async (app: HostedApp, watched: Watched, run: Run): Promise<0 | 1> => {
  const { clock } = run.host
  const { stdout, stderr } = run.terminal
  const progress = progressOn(stderr)
  const speed = speedometer(clock.monotonic())
  let moved = { letters: -1, at: clock.monotonic() }
  for (;;) {
    const job = await app.deadLetters.job(watched.job)
    if (job.state !== 'running' && job.state !== 'paused' && job.underWay === 0) {
      progress.clear()
      stdout.write(`${endText(job)}\n`)
      return job.state === 'done' && job.resolved >= job.selected ? 0 : 1
    }
    if (watched.signal.aborted) {
      progress.clear()
      stdout.write(`${count(leftOf(job), 'dead letter')} not replayed yet; an app that runs goes on\n`)
      return 0
    }
    const letters = job.resolved + job.failed + job.underWay
    if (letters !== moved.letters || job.state === 'paused') moved = { letters, at: clock.monotonic() }
    if (watched.where === 'elsewhere' && clock.monotonic() - moved.at >= HOST_WITHIN_MS) {
      const lonely = withoutHost(job.parts, await run.host.readStatus(watched.stateDir), clock.now())
      progress.clear()
      for (const mapping of lonely) stdout.write(`${pendingText(mapping, job.id)}\n`)
      if (lonely.length > 0) return 0
    }
    progress.show(progressText(job, speed(job.resolved + job.failed, clock.monotonic())))
    await sleep(clock, LOOK_EVERY_MS, watched.signal)
  }
}

const leftOf = ({ selected, resolved, failed }: JobStatus): number => Math.max(0, selected - resolved - failed)

/**
 * The mappings of these parts that no running app of this state folder hosts; who shares its database elsewhere is not seen. An app that has said nothing for so long as a host is waited
 * for hosts nothing: it is stopped, or its row was left behind.
 */
export const withoutHost = (
  parts: readonly Pick<JobPart, 'mapping' | 'state'>[],
  processes: readonly ProcessStatus[],
  now: number,
): readonly string[] => {
  const hosted = new Set(
    processes
      .filter(({ updatedAt }) => now - updatedAt < HOST_WITHIN_MS)
      .flatMap(({ status }) =>
        status.mappings.filter(({ replay }) => replay?.state === 'running').map(({ name }) => name),
      ),
  )
  const waiting = parts.filter(({ state }) => state !== 'done').map(({ mapping }) => mapping)
  return [...new Set(waiting)].filter(mapping => !hosted.has(mapping))
}

const pendingText = (mapping: string, job: string): string =>
  printable(
    `pending: no running app of this state folder hosts mapping ${mapping}; where one on another machine does, it goes on with it; otherwise start one, or run it here: millrace dlq replay --here; replay ${job} waits until it is cancelled`,
  )

const endText = (job: JobStatus): string => {
  const { state, failed, resolved, selected } = job
  const passedBy = state === 'done' ? selected - resolved - failed : 0
  const parts = [
    `${count(resolved, 'dead letter')} replayed`,
    ...(failed > 0 ? [`${failed} failed again; look at them: millrace dlq list`] : []),
    ...(passedBy > 0 ? [`${passedBy} passed by: taken by another replay, or set aside meanwhile`] : []),
  ]
  if (state === 'done') return parts.join(', ')
  const why = job.stoppedBecause === undefined ? state : `${state}: ${job.stoppedBecause}`
  return printable([why, ...parts, `${count(leftOf(job), 'dead letter')} stay open`].join(', '))
}

/** Letters in a second, over the last few. */
const speedometer = (startMs: number): ((ended: number, nowMs: number) => Speed) => {
  const WINDOW_MS = 5_000
  const seen = [{ at: startMs, ended: 0 }]
  return (ended, nowMs) => {
    seen.push({ at: nowMs, ended })
    while (seen.length > 2 && nowMs - (seen[0]?.at ?? nowMs) > WINDOW_MS) seen.shift()
    const first = seen[0] ?? { at: nowMs, ended }
    return { perSecond: nowMs > first.at ? ((ended - first.ended) * 1_000) / (nowMs - first.at) : 0 }
  }
}
