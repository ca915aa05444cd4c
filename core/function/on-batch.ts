import type { Answer } from './answer.ts'
import type { FunctionContext } from './context.ts'
import { type Channels, type DataOfAny, type Handler, markHandler } from './handler.ts'
import type { Batch } from './record.ts'

/**
 * A handler that takes a whole batch. Answering nothing accepts every record, `{ batchItemFailures }` all but those it
 * names; a throw fails the batch, which is then split to find what made it fail.
 */
export const onBatch = <const C extends Channels>(
  channels: C,
  handle: (batch: Batch<DataOfAny<C>>, context: FunctionContext) => Promise<Answer> | Answer,
): Handler<DataOfAny<C>> => markHandler<DataOfAny<C>>(channels, async (batch, context) => handle(batch, context))
