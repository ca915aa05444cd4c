/**
 * One connection to a function somewhere else: requests one after the other, kept alive in between. Redirects are not
 * followed, and no more of an answer is read than an answer may have.
 *
 *   post ── no connection ──▶ unreachable: nothing was sent
 *     │ sent
 *     ├── broken, too large, aborted: whether the function ran is not known
 *     ▼
 *   response
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../clock.ts'
import { errorInfo } from '../../errors.ts'
import type { RemoteTls } from '../contract.ts'

export interface Connection {
  /** Never rejects. One at a time. */
  post(request: PostRequest): Promise<PostResult>
  close(): void
}

export interface PostRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signal: AbortSignal
}

export type PostResult =
  | { readonly kind: 'response'; readonly response: RemoteResponse }
  | { readonly kind: 'unreachable'; readonly problem: string }
  | { readonly kind: 'broken'; readonly problem: string }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'aborted' }

export interface RemoteResponse {
  readonly status: number
  /** Names in lower case; of repeated ones the first, or all with commas between, as HTTP has it. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

export interface ConnectionParts {
  readonly url: URL
  readonly tls: RemoteTls
  /** A connection that is not there after this long is given up. */
  readonly connectMs: number
  readonly maxBytes: number
  readonly clock: Pick<Clock, 'after'>
}

/** Kept open between requests for at most this long; what idles longer is often cut by something on the way. */
const KEEP_ALIVE_MS = 30_000

export const createConnection = ({ url, tls, connectMs, maxBytes, clock }: ConnectionParts): Connection => {
  const secure = url.protocol === 'https:'
  const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets: 1, timeout: KEEP_ALIVE_MS }
  const agent = secure ? new HttpsAgent({ ...options, ...tls, minVersion: 'TLSv1.2' }) : new HttpAgent(options)

  const postOnce = ({ headers, body, signal }: PostRequest): Promise<PostResult | 'stale'> =>
    new Promise(resolve => {
      const bytes = Buffer.from(body, 'utf8')
      let connected = false
      const request = (secure ? httpsRequest : httpRequest)(url, {
        agent,
        method: 'POST',
        headers: { ...headers, 'content-length': String(bytes.byteLength) },
        signal,
      })
      const done = (result: PostResult | 'stale'): void => {
        cancel()
        resolve(result)
        if (result === 'stale' || result.kind !== 'response') request.destroy()
      }
      const cancel = clock.after(connectMs, () => {
        if (!connected) done({ kind: 'unreachable', problem: `no connection within ${connectMs} ms (initTimeout)` })
      })
      request.on('socket', socket => {
        whenConnected(socket, secure, () => {
          connected = true
        })
      })
      request.on('response', response => void readBody(response, maxBytes).then(done))
      request.on('error', thrown => {
        const { code, message } = errorInfo(thrown)
        const problem = message === '' ? String(code) : message
        if (signal.aborted) done({ kind: 'aborted' })
        else if (request.reusedSocket && isCut(code)) done('stale')
        else done({ kind: connected ? 'broken' : 'unreachable', problem })
      })
      request.end(bytes)
    })

  return {
    async post(request) {
      if (request.signal.aborted) return { kind: 'aborted' }
      try {
        const first = await postOnce(request)
        // The other side had ended a connection that it had kept alive, in the moment it was used again.
        if (first !== 'stale') return first
        const second = await postOnce(request)
        return second === 'stale' ? { kind: 'broken', problem: 'the connection was cut twice' } : second
      } catch (thrown) {
        // What Node does not even begin: a header with a line break, a certificate that is none.
        return { kind: 'unreachable', problem: errorInfo(thrown).message }
      }
    },
    close: () => agent.destroy(),
  }
}

const isCut = (code: string | undefined): boolean => code === 'ECONNRESET' || code === 'EPIPE'

/** A socket of the agent may be connected already. */
const whenConnected = (socket: Socket, secure: boolean, run: () => void): void => {
  const ready = secure ? (socket as TLSSocket).getProtocol() !== null && !socket.connecting : !socket.connecting
  if (ready) run()
  else socket.once(secure ? 'secureConnect' : 'connect', run)
}

const readBody = (response: IncomingMessage, maxBytes: number): Promise<PostResult> =>
  new Promise(resolve => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength
      if (bytes > maxBytes) resolve({ kind: 'too-large', bytes })
      else chunks.push(chunk)
    })
    response.on('end', () => {
      const headers = response.headers as RemoteResponse['headers']
      resolve({
        kind: 'response',
        response: { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) },
      })
    })
    response.on('error', thrown => resolve({ kind: 'broken', problem: errorInfo(thrown).message }))
    response.on('close', () => resolve({ kind: 'broken', problem: `the answer broke off after ${bytes} bytes` }))
  })
