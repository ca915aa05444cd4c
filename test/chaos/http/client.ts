/** Whoever sends: each job until it was answered, over connections that break whenever the app does. */
import { Agent, request } from 'node:http'
import { sleep, systemClock } from '../../../core/clock.ts'
import { bodyOf } from '../jobs.ts'

export interface Sent {
  /** By number: the status that ended it, 202 or 400. */
  readonly answers: Uint16Array
  /** All that were made, those without an answer included. */
  requests: number
  answered: number
}

const CONNECTIONS = 64
const TIMEOUT_MS = 10_000
const AGAIN_MS = 50
const FINAL: ReadonlySet<number> = new Set([202, 400])

/** Resolves when every one of `records` jobs was answered for good. `sent` tells how far it is. */
export const sendAll = async (port: number, sent: Sent): Promise<void> => {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  let next = 0
  const worker = async (): Promise<void> => {
    for (let n = next++; n < sent.answers.length; n = next++) {
      for (;;) {
        sent.requests += 1
        const status = await post(agent, port, bodyOf(n))
        if (FINAL.has(status)) {
          sent.answers[n] = status
          sent.answered += 1
          break
        }
        await sleep(systemClock, AGAIN_MS)
      }
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, worker))
  agent.destroy()
}

/** 0: there was no answer, or not all of it. */
const post = (agent: Agent, port: number, body: string): Promise<number> =>
  new Promise(resolve => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const asked = request({
      agent,
      port,
      host: '127.0.0.1',
      path: '/jobs',
      method: 'POST',
      headers,
      timeout: TIMEOUT_MS,
    })
    const failed = (): void => resolve(0)
    asked.on('response', response => {
      response.on('error', failed)
      response.on('aborted', failed)
      response.on('end', () => resolve(response.complete ? (response.statusCode ?? 0) : 0))
      response.resume()
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', failed)
    asked.end(body)
  })
