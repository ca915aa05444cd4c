/** `millrace/testing`: whole apps without a broker, and single functions, in milliseconds. */

export { type GivenRecord, type InvokeOptions, type InvokeResult, invoke } from './invoke.ts'
export { type TestApp, type TestAppOptions, testApp } from './test-app.ts'
export { createVirtualClock, type VirtualClock } from './virtual-clock.ts'
