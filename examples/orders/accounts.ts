/** Where every order is: charged, a dead letter, or on its way. Nothing else can become of one. */
import type { App } from 'millrace'
import { CHARGED, idsIn, ORDERED } from './ledger.ts'

export interface Accounts {
  readonly onTheirWay: number
  readonly text: string
}

export const accounts = async (app: App): Promise<Accounts> => {
  const ordered = new Set(idsIn(ORDERED))
  const charged = new Set(idsIn(CHARGED)).intersection(ordered)
  const letters = await app.deadLetters.list({ mapping: 'charge', limit: 100_000 })
  const parked = new Set(letters.map(letter => letter.recordId)).intersection(ordered).difference(charged)
  const onTheirWay = ordered.size - charged.size - parked.size
  return {
    onTheirWay,
    text: `accounts: ${ordered.size} ordered = ${charged.size} charged + ${parked.size} dead letters + ${onTheirWay} on their way`,
  }
}
