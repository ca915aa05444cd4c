/** A dead letter as a record for a channel that gets a copy: the record unchanged, and headers that tell its story. */
import type { DeadLetter, Header, OutgoingRecord } from '../core/contract.ts'

/** Far below what brokers take for all headers together; the stack stays in the store. */
const MESSAGE_CHARS = 2_000

export const letterToOutgoing = (letter: DeadLetter): OutgoingRecord => {
  const { record } = letter
  return {
    key: record.key,
    body: record.body,
    headers: [...record.headers.filter(([name]) => !name.startsWith(PREFIX)), ...story(letter)],
    ...(record.properties ? { properties: record.properties } : {}),
    ...(record.position ? { position: record.position } : {}),
  }
}

const PREFIX = 'millrace-dead-'

const story = ({
  mapping,
  function: fn,
  group,
  record,
  reason,
  error,
  attempts,
  firstSeen,
  parkedAt,
}: DeadLetter): readonly Header[] =>
  Object.entries({
    id: record.id,
    source: record.source,
    mapping,
    function: fn.name,
    'function-version': fn.version,
    group,
    reason,
    attempts: attempts.length,
    'error-name': error.name,
    'error-message': error.message.slice(0, MESSAGE_CHARS),
    'first-seen': new Date(firstSeen).toISOString(),
    'parked-at': new Date(parkedAt).toISOString(),
    ...(record.position ? { position: JSON.stringify(record.position) } : {}),
  }).map(([name, value]) => [`${PREFIX}${name}`, value])
