/** A worker thread to which objects are posted: nothing of Millrace is in it. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Contestant } from '../contestant.ts'
import { type Call, parsed } from './work.ts'

interface RawWorker {
  readonly call: Call
  close(): Promise<void>
}

const openRawWorker = async (bodies: readonly Uint8Array[]): Promise<RawWorker> => {
  const worker = new Worker(new URL('raw-worker-main.ts', import.meta.url))
  await once(worker, 'message')
  const waiting = new Map<number, () => void>()
  let calls = 0
  worker.on('message', ({ id }: { readonly id: number }) => {
    waiting.get(id)?.()
    waiting.delete(id)
  })
  const records = parsed(bodies)
  return {
    call: () =>
      new Promise(resolve => {
        calls += 1
        waiting.set(calls, resolve)
        worker.postMessage({ id: calls, records })
      }),
    close: async () => void (await worker.terminate()),
  }
}

export const rawWorker = (bodies: readonly Uint8Array[], measure: (call: Call) => Promise<number>): Contestant => ({
  name: 'raw worker.postMessage of objects',
  async open() {
    const { call, close } = await openRawWorker(bodies)
    return { round: () => measure(call), close }
  },
})
