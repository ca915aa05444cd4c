import { parentPort } from 'node:worker_threads'

parentPort?.on('message', async (event: { readonly id: number; readonly records: readonly object[] }) => {
  const answer = await { ok: true, n: event.records.length }
  parentPort?.postMessage({ id: event.id, answer })
})
parentPort?.postMessage('ready')
