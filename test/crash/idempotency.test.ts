import { crashCases } from './idempotency/cases.ts'

crashCases(['sqlite', 'sqlite-transaction'], false, async () => '')
