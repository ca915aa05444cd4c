import { sharedBroker } from '../support/brokers/shared.ts'
import { crashCases } from './idempotency/cases.ts'

const broker = sharedBroker('postgres')
crashCases(['postgres', 'postgres-transaction'], broker.missing, async () => (await broker.address()).url)
