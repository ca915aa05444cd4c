/** One job: a process does it and is killed at a moment, then this one does it until it is done. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { sleep, systemClock } from '../../../core/clock.ts'
import { idempotent } from '../../../core/idempotency/idempotent.ts'
import { storedKey } from '../../../core/idempotency/key.ts'
import { ownerToText, thisProcess } from '../../../core/owner.ts'
import type { Place, PlaceAddress } from './places.ts'
import type { Point } from './points.ts'

export interface Kill {
  readonly address: PlaceAddress
  readonly place: Place
  readonly point: Point
  readonly key: string
  readonly leaseMs: number
}

export interface Killed {
  readonly key: string
  readonly point: Point
  /** What is wrong, in words; empty where all is as it should be. */
  readonly wrong: readonly string[]
}

const WORKER = new URL('worker-main.ts', import.meta.url).pathname

export const killAndFinish = async ({ address, place, point, key, leaseMs }: Kill): Promise<Killed> => {
  const lease = `${leaseMs}ms` as const
  const child = spawn(process.execPath, [WORKER, JSON.stringify({ place: address, key, point, lease })], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const errors: string[] = []
  child.stderr.on('data', (text: Buffer) => errors.push(text.toString()))
  const [, signal] = await once(child, 'close')
  const wrong = signal === 'SIGKILL' ? [] : [`it was not killed at "${point}": ${errors.join('')}`]
  if (address.store.endsWith('-transaction')) await place.transact(key, () => {})
  else wrong.push(...(await finish(place, key, lease)))
  return { key, point, wrong }
}

/** As the flow does with a record that is in progress elsewhere: it comes again, until it is done. */
const finish = async (place: Place, key: string, lease: `${number}ms`): Promise<readonly string[]> => {
  const stored = storedKey('chaos', key)
  const left = await place.store.show(stored)
  const run = idempotent(async (of: string, { fence }) => place.effect(of, fence), {
    store: place.store,
    name: 'chaos',
    key: of => of,
    lease,
  })
  for (;;) {
    try {
      await run(key)
      break
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code !== 'IDEMPOTENCY_IN_PROGRESS') throw thrown
      await sleep(systemClock, 20)
    }
  }
  if (left?.state !== 'claimed') return []
  // What the dead one would have written, had it only been asleep.
  const mine = { key: stored, owner: left.owner, fence: left.fence }
  const answers = await place.store.write([
    { kind: 'complete', ...mine, fingerprint: '', result: 'v"stale"', ttlMs: 1_000 },
    { kind: 'release', ...mine },
    { kind: 'renew', ...mine, leaseMs: 1_000 },
  ])
  const taken = (await place.store.show(stored))?.fence ?? 0
  return [
    ...(answers.every(answer => answer === 'lost') ? [] : [`a stale write was taken: ${answers.join()}`]),
    ...(taken > left.fence ? [] : [`the fence did not rise: ${left.fence}, then ${taken}`]),
    ...(left.owner === ownerToText(thisProcess()) ? ['the killed process had the name of this one'] : []),
  ]
}
