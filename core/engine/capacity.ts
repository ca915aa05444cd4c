/**
 * How many environments the app may have at once, over all its functions. What a function has reserved nobody else
 * takes. Beyond that all share: an idle environment is ended for a function that has to wait, and while one waits
 * nobody keeps two more than it has.
 */

/** One function's part in it. */
export interface Share {
  /** Takes the place of one environment; false when there is none. Then `serveOne` is called once there may be one. */
  take(): boolean
  /** Takes one that nobody waits for, and for which no environment has to be ended. */
  takeFree(): boolean
  giveBack(): void
  /** Whether an environment that has just become free is to be ended, because its place is due to another function. */
  owed(): boolean
  /** To be called when an environment has become idle. */
  idled(): void
  /** What is reserved is the next version's from now on. */
  retire(): void
}

/** What is asked of a function that takes part. */
export interface Holder {
  readonly reserved: number
  /** By the monotonic clock, in milliseconds: since when its oldest idle environment is idle. */
  idleSinceMs(): number | undefined
  /** Ends that environment and gives its place back, at once. */
  endIdle(): void
  /** Gives whoever is next in turn an environment; false when nobody waits or there is none. */
  serveOne(): boolean
}

export interface Capacity {
  readonly max: number
  join(holder: Holder): Share
}

interface Member {
  readonly holder: Holder
  reserved: number
  used: number
  retired: boolean
}

export const createCapacity = (max: number): Capacity => {
  const members = new Set<Member>()
  /** Asked for a place and got none. */
  const starved = new Set<Member>()
  let serving = false

  const sum = (of: (member: Member) => number): number => [...members].reduce((total, member) => total + of(member), 0)
  const beyondReserved = ({ used, reserved }: Member): number => Math.max(0, used - reserved)
  const hasRoom = (member: Member): boolean =>
    member.used < member.reserved || sum(beyondReserved) < max - sum(({ reserved }) => reserved)

  const longestIdle = (): Member | undefined => {
    let oldest: { readonly member: Member; readonly sinceMs: number } | undefined
    for (const member of members) {
      const sinceMs = beyondReserved(member) > 0 ? member.holder.idleSinceMs() : undefined
      if (sinceMs !== undefined && !(oldest && oldest.sinceMs <= sinceMs)) oldest = { member, sinceMs }
    }
    return oldest?.member
  }

  const serveSoon = (): void => {
    if (serving || starved.size === 0) return
    serving = true
    queueMicrotask(serve)
  }
  /** Whoever has the fewest first; among equals, whoever has waited longest. */
  const serve = (): void => {
    serving = false
    for (const member of [...starved].sort((one, other) => one.used - other.used)) {
      starved.delete(member)
      if (!member.holder.serveOne()) continue
      starved.add(member)
      serveSoon()
    }
  }
  const someoneHasFewer = (member: Member): boolean => [...starved].some(other => other.used < member.used)

  return {
    max,
    join(holder) {
      const member: Member = { holder, reserved: holder.reserved, used: 0, retired: false }
      members.add(member)
      const leaveIfDone = (): void => {
        if (member.retired && member.used === 0) members.delete(member)
      }
      return {
        take() {
          if (!hasRoom(member)) longestIdle()?.holder.endIdle()
          if (hasRoom(member) && (member.used < member.reserved || !someoneHasFewer(member))) {
            member.used += 1
            return true
          }
          starved.add(member)
          // The room is somebody else's, who is to be asked. Where there is none, asking again would only ask for ever.
          if (hasRoom(member)) serveSoon()
          return false
        },
        takeFree() {
          if (starved.size > 0 || !hasRoom(member)) return false
          member.used += 1
          return true
        },
        giveBack() {
          member.used -= 1
          leaveIfDone()
          serveSoon()
        },
        owed: () => [...starved].some(other => other !== member && other.used + 1 < member.used),
        idled: serveSoon,
        retire() {
          member.reserved = 0
          member.retired = true
          leaveIfDone()
          serveSoon()
        },
      }
    },
  }
}
