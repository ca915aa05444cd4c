/** The public door: what `import … from 'millrace'` gives. */

export { embedded } from '../connectors/embedded/channel.ts'
export type { JobStatus, PlannedReplay, ReplayTarget } from '../dlq/replay-store.ts'
export type { LetterFilter, LetterGroup, LetterState, LetterSummary, StoredLetter } from '../dlq/store.ts'
export { createApp } from './app.ts'
export type { App, AppOptions } from './app-contract.ts'
export type { AppStatus } from './app-status.ts'
export type { Channel, Codec, DataOf, Door, InputOf, Reading, RequestChannel } from './config/channel.ts'
export { type Config, defineConfig, type MappingConfig, type RequestMapping } from './config/define.ts'
export { env, file } from './config/secret.ts'
export type {
  Attempt,
  DeadLetter,
  Delivery,
  EventRecord,
  Header,
  HeaderValue,
  Lag,
  OutgoingRecord,
  PollRequest,
  ReadOptions,
  Settlement,
  Source,
  Unsettled,
} from './contract.ts'
export { ERROR_CODES, type ErrorCode, MillraceError } from './errors.ts'
export type { FunctionRequest } from './event/http/request.ts'
export { type FlowEvents, onFlowEvent } from './flow/events.ts'
export type { FunctionContext, SendRecord } from './function/context.ts'
export { NotRetryable, RetryAfter } from './function/errors.ts'
export { onBatch } from './function/on-batch.ts'
export { onEvent } from './function/on-event.ts'
export { type OnRecordOptions, onRecord } from './function/on-record.ts'
export { onRequest } from './function/on-request.ts'
export type { BatchIdempotency } from './function/once.ts'
export { type ProcessOnceOptions, type ProcessOptions, processBatch } from './function/process-batch.ts'
export type { Batch, FunctionRecord } from './function/record.ts'
export {
  type IdempotencyContext,
  type Idempotent,
  type IdempotentOptions,
  idempotent,
} from './idempotency/idempotent.ts'
export type { IdempotencyKey } from './idempotency/key.ts'
export { type MemoryIdempotencyOptions, memoryIdempotency } from './idempotency/memory-store.ts'
export { type Offset, type OffsetOptions, withOffset } from './idempotency/offset.ts'
export type { KeyPath } from './idempotency/path.ts'
export { sqliteIdempotency } from './idempotency/sqlite-store.ts'
export { type TransactionOptions, withTransaction } from './idempotency/transaction.ts'
export type {
  ClaimAnswer,
  Claimant,
  ClaimWrite,
  IdempotencyStore,
  KeyClaim,
  StoredKey,
  WriteAnswer,
} from './idempotency-store.ts'
export type { DeadLetters, LetterSelection, ReplayAnswer, ReplayOptions } from './letters-contract.ts'
export type { Log } from './log.ts'
export type { PgClient, PgPool } from './postgres.ts'
export { lastHeader } from './values.ts'
