/** A store over any database that runs its work. */
import type { LetterStore } from '../store.ts'
import { alarmsOf } from './alarms.ts'
import { forgetAttempts, recallRecords, rememberAttempts } from './attempts.ts'
import { replaysOf } from './claims.ts'
import { operatorsOf } from './operators.ts'
import { parkLetters } from './park.ts'
import type { Room } from './room.ts'
import { goOn, stoppedScopes } from './stopped.ts'

export const storeIn = (room: Room): LetterStore => {
  const { database } = room
  return {
    park: (letters, joint) => parkLetters(room, letters, joint),
    recall: (mapping, source, ids) => database.read(() => recallRecords(room, mapping, source, ids)),
    remember: (mapping, source, entries) => rememberAttempts(room, mapping, source, entries),
    forget: (mapping, source, ids) => forgetAttempts(room, mapping, source, ids),
    stopped: (mapping, source) => database.read(() => stoppedScopes(database, mapping, source)),
    goOn: mapping => database.write(() => goOn(database, mapping)),
    ...operatorsOf(room),
    ...replaysOf(room),
    ...alarmsOf(room),
  }
}
