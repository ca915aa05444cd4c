import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { openSeam } from '../../../connectors/kafka/group.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'

const seam = () =>
  openSeam(
    'group',
    ['topic'],
    {
      beforeJoin: async () => {},
      topicGone: () => {},
      holding: () => ({ generationId: -1, owned: [] }),
      joined: () => {},
      assigned: async () => {},
      reset: () => {},
    },
    silentLog,
  )

const isGone = (error: MillraceError): boolean =>
  error.fatal && error.code === 'SOURCE_FATAL' && /the installed kafkajs is not one/.test(error.message)

test('the installed kafkajs has the seam', () => {
  const open = seam()
  const client = new kafkajs.Kafka({ brokers: ['127.0.0.1:1'] })
  client.consumer({ groupId: 'group', partitionAssigners: open.assigners })
  assert.equal(typeof open.group().coordinator, 'function')
})

test('a kafkajs without the seam is not started with', () => {
  assert.throws(() => seam().group(), isGone)
  assert.throws(() => seam().assigners[0]?.({ cluster: {} } as never), isGone)
})
