/**
 * The requests of one environment: the first runs, the others are staged behind it, to begin without a pause when it has
 * ended; one may be staged behind Init. Each is decided once: the first decision stands, and is told once.
 *
 *   add ──▶ staged ──▶ its turn: its timeout begins ──▶ answered · dropped when its claims were lost
 *              │                 └── timeout, memory, crash, grace over ──▶ told when the environment is gone
 *              ├── the environment ended before it began ──▶ given back, to run elsewhere
 *              └── the one that runs takes longer than was thought ──▶ recalled: the same
 */
import type { Cancel, Clock } from '../../clock.ts'
import type { AnswerStream } from '../../request-contract.ts'
import type { Company } from '../company.ts'
import type { FunctionSpec, Invocation, Outcome } from '../contract.ts'
import { createLinger } from '../linger.ts'
import { ABORT_GRACE_MS, ABORTED, timedOut } from '../outcomes.ts'
import { type EncodedRequest, encodeRequest } from '../wire/request.ts'
import type { Reply } from './replies.ts'

/** What is sent ahead of its turn; the rest stays here. */
export const STAGED_BYTES = 1_048_576

/** What waits behind something that runs for so long, which is about a cold start, is recalled: it was thought to be done in a millisecond. */
export const RECALL_MS = 50

export interface RequestsParts {
  readonly spec: Pick<FunctionSpec, 'name' | 'timeoutMs'>
  readonly clock: Clock
  /** What a report says of a request whose timeout has passed. */
  readonly killed: string
  readonly company: Company
  readonly send: (id: number, how: 'only' | 'among others', request: EncodedRequest) => void
  readonly abort: (id: number) => void
  /** The environment has to end, for what was decided of the request that runs. */
  readonly kill: (outcome: Outcome) => void
  /** The last request that user code has seen. */
  readonly begun: () => number
  /** Requests up to this one that have not begun never will; answers the last that has. */
  readonly recall: (upTo: number) => number
}

/** Told in the order of their ends. */
export interface Ended {
  readonly outcome: Outcome
  readonly durationMs: number
  /** As the environment measured it; undefined where it did not answer. */
  readonly tookMs: number | undefined
  readonly begun: boolean
  readonly recalled: boolean
}

export interface Requests {
  readonly size: number
  /** True when another one could be staged. */
  readonly hasRoom: boolean
  /** `began`: its turn has come; `ended`: at most once, and after `began` unless it never had a turn. */
  add(invocation: Invocation, began: () => void, ended: (how: Ended) => void): void
  /** Nothing begins until {@link open}: the environment has still to come through Init. To be called before the first `add`. */
  shut(): void
  /** Init has ended. */
  open(): void
  /** The environment that had them has ended untouched, and another one takes its place. */
  sendAgain(): void
  answered(id: number, reply: Reply): void
  /** Where the pieces of this request's answer go; undefined for one that is decided, or whose caller takes none. */
  streamOf(id: number): AnswerStream | undefined
  /** The environment says that it did not begin it, as it was told. */
  leftOut(id: number): void
  /** Decides about the request that runs; does nothing where there is none, or it is decided. */
  decide(outcome: Outcome): void
  /** The environment is gone, or as good as gone: `during` is for the request that ran, if nothing was decided of it. */
  endAll(during: Outcome, before: Outcome): void
}

interface Request {
  readonly id: number
  readonly invocation: Invocation
  readonly encoded: EncodedRequest
  readonly began: () => void
  readonly ended: (how: Ended) => void
  readonly onAbort: () => void
  /** Nothing was before it, and few other environments had anything to do. */
  readonly only: boolean
  sent: boolean
  /** By the monotonic clock; undefined until its turn. */
  startMs: number | undefined
  decided: { readonly outcome: Outcome; readonly atMs: number } | undefined
  /** Set while it may still end by itself after its claims were lost. */
  cancelGrace: Cancel | undefined
}

const NO_REPLY: Reply = { outcome: ABORTED, tookMs: undefined }

export const createRequests = (parts: RequestsParts): Requests => {
  const { spec, clock } = parts
  const requests: Request[] = []
  const linger = createLinger()
  let lastId = 0
  let sentBytes = 0
  let isOpen = true
  let cancelTimeout: Cancel | undefined
  let cancelRecall: Cancel | undefined

  /** As far as they fit, in their order; the one whose turn it is always does. */
  const sendNext = (): void => {
    for (const request of requests) {
      if (request.sent) continue
      const isStaged = request !== requests[0] || !isOpen
      if (isStaged && sentBytes + request.encoded.bytes > STAGED_BYTES) return
      request.sent = true
      sentBytes += request.encoded.bytes
      parts.send(request.id, request.only ? 'only' : 'among others', request.encoded)
    }
  }
  const beginTurn = (atMs: number): void => {
    const [first] = requests
    if (!isOpen || !first || first.startMs !== undefined) return
    first.startMs = atMs
    first.began()
    if (first.invocation.signal.aborted) beginGrace(first)
    else watchTimeout(spec.timeoutMs)
    if (first.only) linger.expect(atMs)
  }
  /** One timer for all, which is set again when it is too early: a timer for each request costs more than a small one. */
  const watchTimeout = (afterMs: number): void => {
    cancelTimeout ??= clock.after(afterMs, () => {
      cancelTimeout = undefined
      const [first] = requests
      if (first?.startMs === undefined || first.cancelGrace) return
      const leftMs = first.startMs + spec.timeoutMs - clock.monotonic()
      if (leftMs > 0) watchTimeout(Math.ceil(leftMs))
      else decide(timedOut(spec, parts.killed))
    })
  }
  /** One timer for all, as for the timeout. */
  const watchRecall = (afterMs: number): void => {
    cancelRecall ??= clock.after(afterMs, () => {
      cancelRecall = undefined
      const [first, ...behind] = requests
      if (first?.startMs === undefined || behind.length === 0) return
      const leftMs = first.startMs + RECALL_MS - clock.monotonic()
      if (leftMs > 0) watchRecall(leftMs)
      else recall(behind)
    })
  }
  const recall = (behind: readonly Request[]): void => {
    const begun = parts.recall(lastId)
    for (const request of behind) if (!request.sent || request.id > begun) settle(request, NO_REPLY, 0, 'recalled')
  }
  const beginGrace = (request: Request): void => {
    request.cancelGrace ??= clock.after(ABORT_GRACE_MS, () => decide(ABORTED))
  }
  const abort = (request: Request): void => {
    if (request.decided) return
    if (!request.sent) {
      settle(request, NO_REPLY, clock.monotonic())
      return
    }
    parts.abort(request.id)
    if (request.startMs !== undefined) beginGrace(request)
  }
  const decide = (outcome: Outcome): void => {
    const [first] = requests
    if (!first || first.decided) return
    first.cancelGrace?.()
    first.decided = { outcome, atMs: clock.monotonic() }
    parts.kill(outcome)
  }
  /** Whether it had begun is asked for only where it matters: what was answered had. */
  const settle = (
    request: Request,
    { outcome, tookMs }: Reply,
    atMs: number,
    how: 'begun' | 'never began' | 'recalled' = 'begun',
  ): void => {
    const index = requests.indexOf(request)
    if (index < 0) return
    requests.splice(index, 1)
    if (requests.length === 0) parts.company.leave()
    if (request.sent) sentBytes -= request.encoded.bytes
    request.cancelGrace?.()
    request.invocation.signal.removeEventListener('abort', request.onAbort)
    request.ended({
      outcome,
      durationMs: request.startMs === undefined ? 0 : atMs - request.startMs,
      tookMs,
      begun: how === 'begun',
      recalled: how === 'recalled',
    })
  }

  return {
    get size() {
      return requests.length
    },
    get hasRoom() {
      const [first] = requests
      if (!first) return true
      if (first.decided || sentBytes >= STAGED_BYTES || requests.at(-1)?.sent === false) return false
      return first.startMs !== undefined && clock.monotonic() - first.startMs < RECALL_MS
    },
    add(invocation, began, ended) {
      lastId += 1
      const request: Request = {
        id: lastId,
        invocation,
        encoded: encodeRequest(invocation, clock.now() + spec.timeoutMs),
        began,
        ended,
        onAbort: () => abort(request),
        only: requests.length === 0 && parts.company.join() === 'few',
        sent: false,
        startMs: undefined,
        decided: undefined,
        cancelGrace: undefined,
      }
      requests.push(request)
      invocation.signal.addEventListener('abort', request.onAbort, { once: true })
      beginTurn(clock.monotonic())
      if (requests.length > 1) watchRecall(RECALL_MS)
      sendNext()
    },
    shut() {
      isOpen = false
    },
    open() {
      isOpen = true
      beginTurn(clock.monotonic())
      sendNext()
    },
    sendAgain() {
      for (const request of requests) request.sent = false
      sentBytes = 0
      sendNext()
    },
    answered(id, reply) {
      const request = requests.find(each => each.id === id)
      if (!request || request.decided) return
      const atMs = clock.monotonic()
      if (request.only && request.startMs !== undefined) linger.came(atMs - request.startMs)
      settle(request, request.invocation.signal.aborted ? NO_REPLY : reply, atMs)
      beginTurn(atMs)
      sendNext()
    },
    streamOf(id) {
      const request = requests.find(each => each.id === id)
      return request?.decided ? undefined : request?.invocation.stream
    },
    leftOut(id) {
      const request = requests.find(each => each.id === id)
      if (!request || request.decided) return
      settle(request, NO_REPLY, 0, 'recalled')
      beginTurn(clock.monotonic())
      sendNext()
    },
    decide,
    endAll(during, before) {
      cancelTimeout?.()
      cancelRecall?.()
      const begun = parts.begun()
      const atMs = clock.monotonic()
      for (const [index, request] of [...requests].entries()) {
        const { decided, id } = request
        const seen = begun >= id
        // Behind another one, and begun all the same: the answer of that one was not waited for. It is not to blame.
        const outcome = decided?.outcome ?? (index === 0 ? during : seen ? ABORTED : before)
        settle(request, { outcome, tookMs: undefined }, decided?.atMs ?? atMs, seen ? 'begun' : 'never began')
      }
    },
  }
}
