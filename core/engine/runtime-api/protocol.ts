/**
 * The states of a runtime, and what it may ask for in each: AWS's names, since they stand in what a refused call is told.
 *
 *   Started ── next ──▶ Ready ── a request ──▶ Running ── response, error ──▶ …Response ──▶ Sent ── next ──▶ Ready
 *      └── init/error ──▶ InitError
 */

export type State =
  | 'Started'
  | 'InitError'
  | 'Ready'
  | 'Running'
  | 'InvocationResponse'
  | 'InvocationErrorResponse'
  | 'RuntimeResponseSentState'

export type Call = 'next' | 'response' | 'error' | 'init/error'

/** The state that a call leads to. A second `next` waits beside the first: a client may have lost its connection. */
const LEADS_TO: Readonly<Record<Call, { readonly from: readonly State[]; readonly to: State }>> = {
  next: { from: ['Started', 'Ready', 'RuntimeResponseSentState'], to: 'Ready' },
  response: { from: ['Running'], to: 'InvocationResponse' },
  error: { from: ['Running'], to: 'InvocationErrorResponse' },
  'init/error': { from: ['Started'], to: 'InitError' },
}

/** What the runtime is told. */
export interface Reply {
  readonly status: number
  readonly body: Readonly<Record<string, string>>
}

export type Step = { readonly state: State; readonly refusal?: undefined } | { readonly refusal: Reply }

export const stepOf = (state: State, call: Call): Step => {
  const { from, to } = LEADS_TO[call]
  if (from.includes(state)) return { state: to }
  const message = `State transition from ${state} to ${to} failed for runtime. Error: State transition is not allowed`
  return { refusal: failure(403, 'InvalidStateTransition', message) }
}

const failure = (status: number, errorType: string, errorMessage: string): Reply => ({
  status,
  body: { errorMessage, errorType },
})

/** Lambda's limit of an answer: 6 MB, and a little for what surrounds it. */
export const MAX_PAYLOAD_BYTES = 6 * 1_048_576 + 100

export const ACCEPTED: Reply = { status: 202, body: { status: 'OK' } }

export const INVALID_REQUEST_ID = failure(400, 'InvalidRequestID', 'Invalid request ID')

export const INVALID_MODE = failure(400, 'InvalidFunctionResponseMode', 'Invalid function response mode')

export const TOO_LARGE = failure(
  413,
  'RequestEntityTooLarge',
  `Exceeded maximum allowed payload size (${MAX_PAYLOAD_BYTES} bytes).`,
)

export type Route =
  | { readonly call: 'next' }
  | { readonly call: 'init/error' }
  | { readonly call: 'response' | 'error'; readonly requestId: string }
  | { readonly call: 'ping' }
  /** The path is right, the method is not. */
  | { readonly call: 'wrong-method' }

const PREFIX = '/2018-06-01/'
const INVOCATION = /^runtime\/invocation\/([^/]+)\/(response|error)$/

/** Undefined: there is no such path. */
export const routeOf = (method: string, url: string): Route | undefined => {
  const path = url.split('?', 1)[0] ?? ''
  if (!path.startsWith(PREFIX)) return undefined
  const found = routeAt(path.slice(PREFIX.length))
  if (!found) return undefined
  const expected = found.call === 'next' || found.call === 'ping' ? 'GET' : 'POST'
  return method === expected ? found : { call: 'wrong-method' }
}

const routeAt = (path: string): Route | undefined => {
  if (path === 'ping') return { call: 'ping' }
  if (path === 'runtime/invocation/next') return { call: 'next' }
  if (path === 'runtime/init/error') return { call: 'init/error' }
  const [, requestId, call] = INVOCATION.exec(path) ?? []
  return requestId === undefined ? undefined : { call: call as 'response' | 'error', requestId }
}
