import { sharedBroker } from '../support/brokers/shared.ts'
import { crashCases } from './idempotency/cases.ts'

const broker = sharedBroker('redis')
crashCases(['redis'], broker.missing, async () => (await broker.address()).url)
