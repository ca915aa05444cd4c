/** The dead letters of an app, as those who embed it see them. */
import type { LetterStore } from '../dlq/store.ts'
import type { DeadLetters } from './app-contract.ts'
import { MillraceError } from './errors.ts'

const LISTED = 100

/** `store` opens it when it is not open yet. */
export const deadLettersOf = (store: () => LetterStore): DeadLetters => ({
  list: async filter => store().list({ limit: LISTED, ...filter }),
  async show(id) {
    const found = await store().get(id)
    if (!found)
      throw new MillraceError(
        'DEAD_LETTER_NOT_FOUND',
        `there is no dead letter ${JSON.stringify(id)}; millrace dlq list shows those there are`,
      )
    return found
  },
  replay: async selection => store().requestReplay(selection),
  goOn: async mapping => (await store().goOn(mapping)).length,
})
