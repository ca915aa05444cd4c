/** How each fault is done, held for a while, and undone. Resolves when it is over, not when all have recovered. */
import { sleep, systemClock } from '../../core/clock.ts'
import type { Random } from '../simulation/random.ts'
import type { Arena } from './arena.ts'
import type { Members } from './members.ts'
import type { Fault } from './plan.ts'

export interface Scene {
  readonly arena: Arena
  readonly members: Members
  readonly random: Random
}

/** Longer than the sessions of the members last. */
const BEYOND_SESSION_MS = 9_000
const PAUSE_MS = 6_000
const SLOW_MS = 8_000
const SLICED_MS = 3_000
const CUTTING_MS = 2_000
const VISIT_MS = 6_000

const hold = (ms: number): Promise<void> => sleep(systemClock, ms)

const aMember = ({ members, random }: Scene): string => {
  const [first = '', ...others] = members.names()
  return random.pick([first, ...others])
}

const INJECT: Readonly<Record<Fault, (scene: Scene) => Promise<void>>> = {
  async 'member SIGKILL'(scene) {
    const name = aMember(scene)
    await scene.members.end(name, 'SIGKILL')
    scene.members.start(name)
  },
  async 'member SIGTERM and start'(scene) {
    const name = aMember(scene)
    await scene.members.end(name, 'SIGTERM')
    scene.members.start(name)
  },
  async 'member SIGSTOP'(scene) {
    const name = aMember(scene)
    scene.members.signal(name, 'SIGSTOP')
    await hold(BEYOND_SESSION_MS)
    scene.members.signal(name, 'SIGCONT')
  },
  async 'another member'({ members }) {
    members.start('visitor')
    await hold(VISIT_MS)
    await members.end('visitor', 'SIGTERM')
  },
  'broker SIGKILL': ({ arena }) => arena.broker.restart('SIGKILL'),
  'broker restart': ({ arena }) => arena.broker.restart('clean'),
  async 'broker SIGSTOP'({ arena }) {
    arena.broker.pause()
    await hold(PAUSE_MS)
    arena.broker.continue()
  },
  async reset({ arena }) {
    arena.proxy.reset()
  },
  async 'half-open'({ arena, random }) {
    arena.proxy.halfOpen('toClient', 'toServer')
    await hold(random.int(2_000, PAUSE_MS))
    arena.proxy.heal()
  },
  async 'half-open to the client'({ arena, random }) {
    arena.proxy.halfOpen('toClient')
    await hold(random.int(2_000, PAUSE_MS))
    arena.proxy.heal()
  },
  async latency({ arena, random }) {
    arena.proxy.faults({ latencyMs: random.int(100, 2_500), jitterMs: 100 })
    await hold(SLOW_MS)
    arena.proxy.faults({})
  },
  async 'slices of one byte'({ arena }) {
    arena.proxy.faults({ sliceBytes: 1 })
    await hold(SLICED_MS)
    arena.proxy.faults({})
  },
  async 'cut in the middle of a frame'({ arena, random }) {
    arena.proxy.faults({ limitBytes: random.int(500, 30_000) })
    await hold(CUTTING_MS)
    arena.proxy.faults({})
    arena.proxy.reset()
  },
}

export const inject = (fault: Fault, scene: Scene): Promise<void> => INJECT[fault](scene)
