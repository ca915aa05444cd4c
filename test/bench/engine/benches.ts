/**
 * `npm run bench -- engine`: each row beside its raw limit, in one run. Ratios are what counts; the aims are those of
 * engine-measurements.md 4.8. What is raw is the floor: what is beyond it is ours.
 */
import { installPeers } from '../brokers/peers.ts'
import { type Aim, type Bench, type Contestant, independent } from '../contestant.ts'
import { bareNode, bareWorker, coldMillrace, emptyProcess } from './cold.ts'
import { fromZygote, heavyFork, heavyMillrace, provisionedFirst, provisionedWarm } from './cold-path.ts'
import { millrace } from './millrace.ts'
import { onOneCore } from './one-core.ts'
import { piscina } from './piscina.ts'
import { rawSocketpair } from './raw-socketpair.ts'
import { rawWorker } from './raw-worker.ts'
import { type Call, callsPerSecond, HUNDRED, medianMicros, ONE } from './work.ts'

const atMost = (ratio: number): Aim => ({ is: 'at most', ratio })
const atLeast = (ratio: number): Aim => ({ is: 'at least', ratio })

const OUTSTANDING = 16
const throughput = (call: Call): Promise<number> => callsPerSecond(call, OUTSTANDING)

const warm: Bench = {
  name: 'engine/warm-1kb',
  unit: 'µs p50',
  open: independent([
    rawWorker(ONE, medianMicros),
    rawSocketpair(ONE, medianMicros),
    millrace({ isolation: 'thread', bodies: ONE, aim: atMost(1.15) }, medianMicros),
    millrace({ isolation: 'process', bodies: ONE, aim: atMost(1.35) }, medianMicros),
    millrace({ isolation: 'thread', caller: 'direct', bodies: ONE, aim: atMost(1.15) }, medianMicros),
    millrace({ isolation: 'process', caller: 'direct', bodies: ONE, aim: atMost(1.35) }, medianMicros),
  ]),
}

const batch: Bench = {
  name: 'engine/batch-100x1kb',
  unit: 'µs p50',
  open: independent([
    rawWorker(HUNDRED, medianMicros),
    rawSocketpair(HUNDRED, medianMicros),
    millrace({ isolation: 'process', bodies: HUNDRED, aim: atMost(1.2) }, medianMicros),
    millrace({ isolation: 'thread', bodies: HUNDRED }, medianMicros),
  ]),
}

const outstanding = (name: string, bodies: readonly Uint8Array[], ours: readonly Contestant[]): Bench => ({
  name,
  unit: 'calls/s',
  async open(say) {
    await installPeers(say)
    return independent([piscina(bodies, throughput), ...ours, rawWorker(bodies, throughput)])(say)
  },
})

const outstandingOne = outstanding('engine/16-outstanding-1kb', ONE, [
  millrace({ isolation: 'thread', bodies: ONE, aim: atLeast(5) }, throughput),
  millrace({ isolation: 'process', bodies: ONE, aim: atLeast(3) }, throughput),
])

const cold: Bench = {
  name: 'engine/cold-start',
  unit: 'µs',
  open: independent([
    bareWorker,
    bareNode,
    emptyProcess,
    coldMillrace('process', atMost(1.35)),
    coldMillrace('thread', atMost(1.15)),
    fromZygote(atMost(0.08)),
  ]),
}

const heavy: Bench = {
  name: 'engine/cold-heavy',
  unit: 'µs',
  open: independent([heavyFork, heavyMillrace({}), heavyMillrace({ zygotes: 1 }, atMost(0.5))]),
}

const firstCall: Bench = {
  name: 'engine/provisioned',
  unit: 'µs',
  open: independent([provisionedWarm, provisionedFirst(atMost(1.5))]),
}

export const engine: readonly Bench[] = [warm, onOneCore(warm), batch, outstandingOne, cold, heavy, firstCall]
