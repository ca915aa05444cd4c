/** A direct invocation: one record whose body is the event itself, as JSON, and whose answer is whatever the function says. */
import { errorInfo } from '../errors.ts'
import { shapeOf } from './shape.ts'

export const directShape = shapeOf<unknown>({
  holds: 'one',
  item({ record }) {
    const text = record.body === null ? '' : Buffer.from(record.body).toString('utf8')
    // As on Lambda, where whoever gives no event gives an empty one.
    if (text === '') return { item: {} }
    try {
      return { item: JSON.parse(text) }
    } catch (thrown) {
      return { problem: `the event is not JSON: ${errorInfo(thrown).message}` }
    }
  },
  event: ([event]) => event,
  readAnswer: value => ({ ok: true, value }),
})
