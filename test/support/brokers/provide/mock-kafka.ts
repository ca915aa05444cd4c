import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from '../broker.ts'
import { type Found, onPath } from '../found.ts'
import { openGuardian } from '../guardian.ts'
import { startProgram } from '../program.ts'
import { aptInstall } from './apt.ts'

const ADDRESS = /(127\.0\.0\.1:\d+)\/bootstrap/

/** librdkafka's mock cluster inside kcat: speaks Kafka, keeps nothing, and is not Kafka. The very last resort. */
export const mockKafka = async (scope: Scope, signal: AbortSignal): Promise<Found> => {
  const failure = onPath('kcat') ? undefined : await aptInstall(['kcat'], signal)
  if (failure !== undefined) return { from: 'nowhere', reason: failure }
  const folder = await mkdtemp(join(tmpdir(), 'millrace-broker-'))
  const guardian = openGuardian(folder)
  scope.after(guardian.close)
  const running = startProgram(
    {
      name: 'kcat',
      command: 'kcat',
      // Its address is in its debug output only, and it lives as long as it waits for records of some topic.
      args: ['-C', '-t', 'keeps-the-mock-alive', '-b', 'mock', '-X', 'test.mock.num.brokers=1', '-d', 'broker'],
      ready: ADDRESS,
    },
    folder,
    1,
  )
  guardian.watch([running.pid])
  await running.ready()
  const url = ADDRESS.exec(readFileSync(join(folder, 'kcat-1.log'), 'utf8'))?.[1]
  if (url === undefined) return { from: 'nowhere', reason: 'kcat did not say where its mock cluster listens' }
  return { from: 'service', version: 'MOCK', url, origin: "librdkafka's mock cluster, NOT Apache Kafka" }
}
