/**
 * Members in no order, of which each knows its place, so that one can leave without being searched for.
 *
 * Not a Set: one through which records pass grows table after table, every old table refers to the next one, and with
 * them all that was in them survives until a full garbage collection, which then is much of what a record costs.
 */
export interface Bag<Member extends Placed> {
  readonly size: number
  /** It must be in no bag. */
  add(member: Member): void
  /** False when it is not in this one. */
  remove(member: Member): boolean
  /** All there are now; does not change when members come and go. */
  members(): readonly Member[]
  /** Takes all of them out. */
  empty(): readonly Member[]
}

export interface Placed {
  /** Its place in the bag it is in; {@link NOWHERE} outside. */
  place: number
}

export const NOWHERE = -1

export const createBag = <Member extends Placed>(): Bag<Member> => {
  let members: Member[] = []
  return {
    get size() {
      return members.length
    },
    add(member) {
      member.place = members.length
      members.push(member)
    },
    remove(member) {
      const { place } = member
      if (members[place] !== member) return false
      member.place = NOWHERE
      const last = members.pop()
      if (last && last !== member) {
        members[place] = last
        last.place = place
      }
      return true
    },
    members: () => [...members],
    empty() {
      const emptied = members
      members = []
      for (const member of emptied) member.place = NOWHERE
      return emptied
    },
  }
}
