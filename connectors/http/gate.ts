/** What a request has to pass before its place takes it: a right signature, and a key that is not known yet. */
import type { FastifyRequest } from 'fastify'
import type { Context } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { type Answer, badRequest, unauthorized } from './answers.ts'
import { createKeeper, type HeldKey } from './idempotency/keeper.ts'
import { readKey } from './idempotency/key.ts'
import type { Idempotency } from './idempotency/option.ts'
import { bodyOf } from './record.ts'
import { verifierOf } from './webhooks/schemes.ts'
import type { ResolvedScheme, Signed } from './webhooks/verify.ts'

export interface Passed {
  /** The id of a verified webhook. */
  readonly webhookId: string | undefined
  /** Held until the place says what came of it. */
  readonly key: HeldKey | undefined
}

export type Gated = Passed | { readonly answer: Answer }

/** Answers at once where nobody has to be asked. */
export type Gate = (request: FastifyRequest) => Gated | Promise<Gated>

export interface GateSettings {
  readonly verify: ResolvedScheme | undefined
  readonly idempotency: Idempotency | undefined
}

const NOTHING = new Uint8Array()
const FREE: Passed = { webhookId: undefined, key: undefined }

/** `timeoutMs`: a request takes no longer. Throws CONFIG_INVALID. */
export const gateOf = (
  context: Context,
  address: string,
  { verify, idempotency }: GateSettings,
  timeoutMs: number,
): Gate => {
  const verifier = verify && verifierOf(address, verify)
  const keep = idempotency && keeperOf(context, address, idempotency, timeoutMs)
  return request => {
    const verified = verifier?.(signedOf(request), context.clock.now())
    if (verified && 'refused' in verified) return { answer: unauthorized(verified.refused) }
    const webhookId = verified?.id
    if (!idempotency || !keep) return webhookId === undefined ? FREE : { webhookId, key: undefined }
    const read = idempotency.by === 'webhook' ? keyOfWebhook(webhookId) : readKey(valuesOf(request, 'idempotency-key'))
    if (read === 'malformed')
      return { answer: badRequest('Idempotency-Key must be one text of 1 to 255 printable characters') }
    if (read !== 'missing')
      return keep(request, read.key).then(kept => ('held' in kept ? { webhookId, key: kept.held } : kept))
    return idempotency.required
      ? {
          answer: badRequest(
            `${idempotency.by === 'webhook' ? 'the id of the webhook' : 'Idempotency-Key'} is missing`,
          ),
        }
      : { webhookId, key: undefined }
  }
}

const keyOfWebhook = (id: string | undefined): ReturnType<typeof readKey> =>
  id === undefined ? 'missing' : { key: id }

const signedOf = (request: FastifyRequest): Signed => ({
  header: name => {
    const values = valuesOf(request, name)
    return values.length === 0 ? undefined : values.join(', ')
  },
  body: bodyOf(request) ?? NOTHING,
})

/** Of every header of a name: Node keeps only the first of some. */
const valuesOf = ({ raw }: FastifyRequest, name: string): readonly string[] => raw.headersDistinct[name] ?? []

/** Over its time limit by this much a request is surely over. */
const LEASE_GRACE_MS = 10_000

const keeperOf = (context: Context, address: string, { ttlMs }: Idempotency, timeoutMs: number) => {
  if (!context.keys)
    throw new MillraceError('CONFIG_INVALID', `channels.${address}.idempotency: there is no store of keys here`, {
      fatal: true,
    })
  const log = context.log.with({ channel: address })
  return createKeeper({ store: context.keys(), log, address, ttlMs, leaseMs: timeoutMs + LEASE_GRACE_MS })
}
