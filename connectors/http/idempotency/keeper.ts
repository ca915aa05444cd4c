/**
 * Requests that are sent again, by the IETF's draft of `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07).
 *
 *   key ─┬─ new ──────────────────▶ goes on; its answer is kept before the caller has it
 *        ├─ in progress ──────────▶ 409
 *        ├─ answered, other payload ▶ 422
 *        └─ answered ─────────────▶ the first answer
 *
 * Keys are those of one place, one path and one `Authorization`: whoever guesses a key of somebody else reads nothing.
 */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { errorInfo } from '../../../core/errors.ts'
import type { IdempotencyStore } from '../../../core/idempotency-store.ts'
import type { Log } from '../../../core/log.ts'
import { ownerToText, thisProcess } from '../../../core/owner.ts'
import type { AnswerHead } from '../../../core/request-contract.ts'
import { type Answer, INTERNAL_ERROR, problem, unavailable } from '../answers.ts'
import { bodyOf } from '../record.ts'

export interface KeeperParts {
  readonly store: IdempotencyStore
  readonly log: Log
  /** The channel's. */
  readonly address: string
  readonly ttlMs: number
  /** Longer than a request may take; a process that died gives its claims free at once. */
  readonly leaseMs: number
}

/** A key that this request holds until it says what came of it. */
export interface HeldKey {
  /** The same for the same key, and tells nothing of it. */
  readonly id: string
  /** Resolves when it is durable, or was found not to be, which the log is told. */
  answered(answer: Answer): Promise<void>
  /** There was no answer: the same key may be tried again. */
  release(): Promise<void>
}

export type Kept = { readonly held: HeldKey } | { readonly answer: Answer }

export type Keeper = (request: FastifyRequest, key: string) => Promise<Kept>

const RETRY_MS = 1_000
const REPLAYED = ['idempotency-replayed', 'true'] as const

interface Stored extends AnswerHead {
  readonly body: string
}

export const createKeeper = ({ store, log, address, ttlMs, leaseMs }: KeeperParts): Keeper => {
  const owner = ownerToText(thisProcess())
  const consumer = `http-${hashOf(address).slice(0, 16)}`
  return async (request, key) => {
    const id = hashOf(request.method, pathOf(request), request.headers.authorization ?? '', key)
    const stored = `${consumer}:${id}`
    const fingerprint = hashOf(request.url, request.headers['content-type'] ?? '', bodyOf(request) ?? '')
    try {
      const [claim] = await store.claim([{ key: stored, fingerprint }], { owner, leaseMs })
      if (claim?.kind === 'claimed') return { held: heldKey({ id, stored, fingerprint, fence: claim.fence }) }
      if (claim?.kind === 'done') return { answer: claim.fingerprint === fingerprint ? replayed(claim.result) : OTHER }
      if (claim?.kind === 'busy') return { answer: BUSY }
      log.error('what is kept under an idempotency key cannot be read', { problem: claim?.problem })
      return { answer: INTERNAL_ERROR }
    } catch (thrown) {
      log.warn('idempotency keys cannot be asked for; callers are told to come again', { error: errorInfo(thrown) })
      return { answer: unavailable(RETRY_MS) }
    }
  }

  function heldKey({ id, stored, fingerprint, fence }: Claimed): HeldKey {
    const write = async (what: { kind: 'release' } | { kind: 'complete'; result: string }): Promise<void> => {
      const held = { key: stored, owner, fence }
      try {
        await store.write([
          what.kind === 'release' ? { ...held, kind: 'release' } : { ...held, ...what, fingerprint, ttlMs },
        ])
      } catch (thrown) {
        log.error('the answer to a request could not be kept: sent again, it will run again', {
          error: errorInfo(thrown),
        })
      }
    }
    return {
      id,
      answered: ({ status, headers, body }) => {
        const kept: Stored = { status, headers, body: Buffer.from(body).toString('base64') }
        return write({ kind: 'complete', result: JSON.stringify(kept) })
      },
      release: () => write({ kind: 'release' }),
    }
  }
}

interface Claimed {
  readonly id: string
  readonly stored: string
  readonly fingerprint: string
  readonly fence: number
}

const BUSY = problem(409, { message: 'Conflict', detail: 'a request with this Idempotency-Key is in progress' }, [
  ['retry-after', '1'],
])
const OTHER = problem(422, {
  message: 'Unprocessable Content',
  detail: 'this Idempotency-Key was used for another request; take a new one',
})

const replayed = (text: string): Answer => {
  const { status, headers, body } = JSON.parse(text) as Stored
  return { status, headers: [...headers, REPLAYED], body: Buffer.from(body, 'base64') }
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0] ?? ''

/** Lengths go before the parts, so that no two lists of parts are the same bytes. */
const hashOf = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256')
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    hash.update(`${bytes.byteLength}:`).update(bytes)
  }
  return hash.digest('hex')
}
