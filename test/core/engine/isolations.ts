/** One suite over all isolations: each is held to what it declares, and a skip says in its words what is true instead. */
import { type TestContext, test } from 'node:test'
import type { Host, Isolation } from '../../../core/engine/contract.ts'
import { ENFORCED } from '../../../core/engine/enforced.ts'
import type { Guarantee, Promised } from '../../../core/engine/environment.ts'
import { FROM_BLANKS, type Harness, harness, type Written } from './harness.ts'

const ISOLATIONS = Object.keys(ENFORCED) as Isolation[]

/** What a test needs of the isolation it runs in. */
export type Needs = Partial<Record<Guarantee, Exclude<Promised['held'], 'no'>>>

/**
 * Calls `run` as a test in each isolation that holds what it needs; the others are skipped with their reason. What needs
 * anything is tested in a process that was blank before, too.
 */
export const inEveryIsolation = (
  what: string,
  run: (context: TestContext, isolation: Isolation) => Promise<void>,
  needs: Needs = {},
): void => {
  for (const isolation of ISOLATIONS)
    test(`${isolation}: ${what}`, { skip: lacking(isolation, needs) }, context => run(context, isolation))
  // An app takes its processes from blank ones: what is enforced in a new one has to be in those.
  if (Object.keys(needs).length > 0)
    test(`process that was blank: ${what}`, async context => {
      FROM_BLANKS.add(context)
      await run(context, 'process')
    })
}

/** The same for a function named `f`. */
export const everyIsolation = (
  what: string,
  written: Written,
  check: (harness: Harness, isolation: Isolation, context: TestContext) => Promise<void>,
  { needs, host }: { readonly needs?: Needs; readonly host?: Host } = {},
): void =>
  inEveryIsolation(
    what,
    async (context, isolation) =>
      check(await harness(context, { f: { ...written, isolation } }, host ? { host } : {}), isolation, context),
    needs,
  )

const RANK: Readonly<Record<Promised['held'], number>> = { no: 0, mostly: 1, always: 2 }

const lacking = (isolation: Isolation, needs: Needs): string | false => {
  for (const [guarantee, needed] of Object.entries(needs) as [Guarantee, Promised['held']][]) {
    const { held, how } = ENFORCED[isolation][guarantee]
    if (RANK[held] < RANK[needed]) return `${isolation} does not enforce this: ${guarantee}: ${how}`
  }
  return false
}
