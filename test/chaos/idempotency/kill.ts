/** One job, of one key or of a batch of them: a process does it and is killed at a moment, then this one does it until it is done. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
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
  readonly keys: readonly string[]
  readonly leaseMs: number
}

export interface Killed {
  readonly keys: readonly string[]
  readonly point: Point
  /** What is wrong, in words; empty where all is as it should be. */
  readonly wrong: readonly string[]
}

const WORKER = new URL('worker-main.ts', import.meta.url).pathname

/**
 * What a worker has compiled is there for the next: without that, most of the time of a run goes to reading TypeScript. It is
 * kept by those that end by themselves, so one that does should be first.
 */
const runWorker = async (
  address: PlaceAddress,
  job: { readonly keys: readonly string[]; readonly point?: Point; readonly lease: string },
): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly errors: string }> => {
  const child = spawn(process.execPath, [WORKER, JSON.stringify({ place: address, ...job })], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(address.folder, 'compiled') },
  })
  const errors: string[] = []
  child.stderr.on('data', (text: Buffer) => errors.push(text.toString()))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, errors: errors.join('') }
}

/** One that nobody kills. Rejects when it does not come to its end. */
export const runUnharmed = async (address: PlaceAddress, keys: readonly string[], lease: string): Promise<void> => {
  const { code, errors } = await runWorker(address, { keys, lease })
  if (code !== 0) throw new Error(`a worker that nobody killed ended with ${code}: ${errors}`)
}

export const killAndFinish = async ({ address, place, point, keys, leaseMs }: Kill): Promise<Killed> => {
  const lease = `${leaseMs}ms` as const
  const { signal, errors } = await runWorker(address, { keys, point, lease })
  const wrong = signal === 'SIGKILL' ? [] : [`it was not killed at "${point}": ${errors}`]
  for (const key of keys) {
    if (address.store.endsWith('-transaction')) await place.transact(key, () => {})
    else wrong.push(...(await finish(place, key, lease)))
  }
  return { keys, point, wrong }
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
