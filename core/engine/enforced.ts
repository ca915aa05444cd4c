/** What each isolation enforces, side by side: what the documentation shows, and what the tests hold each to. */
import type { Isolation } from './contract.ts'
import type { Enforces, Guarantee, Promised } from './environment.ts'
import { INLINE_ENFORCES } from './inline/environment.ts'
import { PROCESS_ENFORCES } from './process/carrier.ts'
import { THREAD_ENFORCES } from './thread/carrier.ts'

export const ENFORCED: Readonly<Record<Isolation, Enforces>> = {
  process: PROCESS_ENFORCES,
  thread: THREAD_ENFORCES,
  inline: INLINE_ENFORCES,
}

const TITLES: Readonly<Record<Guarantee, string>> = {
  timeout: 'timeout',
  memory: 'memory',
  crash: 'crash, `process.exit`',
  variables: 'environment variables',
  output: 'output',
  leftovers: 'what it leaves behind',
}

const WORDS: Readonly<Record<Promised['held'], string>> = { always: '**always**', mostly: '**mostly**', no: '**no**' }

/** As Markdown. */
export const enforcedTable = (): string => {
  const isolations = Object.keys(ENFORCED) as Isolation[]
  const rows = (Object.keys(TITLES) as Guarantee[]).map(guarantee => [
    TITLES[guarantee],
    ...isolations.map(isolation => {
      const { held, how } = ENFORCED[isolation][guarantee]
      return `${WORDS[held]}: ${how}`
    }),
  ])
  return [['', ...isolations], ['---', ...isolations.map(() => '---')], ...rows]
    .map(cells => `| ${cells.join(' | ')} |`)
    .join('\n')
}
