import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { startNode } from '../child.ts'
import { until } from '../until.ts'
import { BROKER_KINDS, findBroker, WANT } from './found.ts'

const notHere = BROKER_KINDS.map(kind => ({ kind, found: findBroker(kind) })).find(
  ({ found }) => found.from !== 'programs',
)
const skip = notHere !== undefined && `${WANT}no programs of ${notHere.kind} here`

test('no broker outlives a process that was killed with SIGKILL, and neither do its data', { skip }, async context => {
  const holder = startNode(context, ['test/support/brokers/holder-main.ts'])
  const started = JSON.parse(await holder.line(/^\[/)) as readonly {
    readonly pids: readonly number[]
    readonly folder: string
  }[]
  const pids = started.flatMap(broker => broker.pids)
  assert.equal(pids.length, 5, 'Redis, RabbitMQ with its name server, Kafka, PostgreSQL')
  assert.deepEqual(pids.filter(isAlive), pids)
  holder.kill('SIGKILL')
  await until('they are gone', () => !pids.some(isAlive) && !started.some(({ folder }) => existsSync(folder)))
})

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}/cmdline`)
