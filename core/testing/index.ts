/** `millrace/testing`: whole apps without a broker, single functions in milliseconds, and the promises of sources and stores. */

export type { Skip } from './contract/declare.ts'
export type { SourceCase, SourceHarness } from './contract/harness.ts'
export { sourceCases, sourceContract } from './contract/source-contract.ts'
export type { IdempotencyCase, IdempotencyHarness } from './idempotency/harness.ts'
export { idempotencyCases, idempotencyContract } from './idempotency/idempotency-contract.ts'
export { type GivenRecord, type InvokeOptions, type InvokeResult, invoke } from './invoke.ts'
export type { FetchOptions } from './loopback-servers.ts'
export { type TestApp, type TestAppOptions, testApp } from './test-app.ts'
export { createVirtualClock, type VirtualClock } from './virtual-clock.ts'
