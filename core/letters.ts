/** The dead letters of an app, as those who embed it see them. */
import type { PlannedPart, ReplayTarget } from '../dlq/replay-store.ts'
import type { LetterStore, LetterSummary, Operator, Selection } from '../dlq/store.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import { MillraceError } from './errors.ts'
import type { ByWhom, DeadLetters, LetterSelection } from './letters-contract.ts'
import { editAndReplay } from './letters-edit.ts'

const LISTED = 100

/** `store` opens it when it is not open yet. */
/** `config`: as it is now. */
export const deadLettersOf = (store: () => LetterStore, config: () => ResolvedConfig): DeadLetters => ({
  async list({ limit = LISTED, ...filter } = {}) {
    const found: LetterSummary[] = []
    let before = filter.before
    for (;;) {
      const page = await store().page({
        ...filter,
        limit: limit - found.length,
        ...(before === undefined ? {} : { before }),
      })
      found.push(...page.letters)
      if (page.next === undefined || found.length >= limit) return found
      before = page.next
    }
  },
  page: async filter => store().page({ limit: LISTED, ...filter }),
  groups: async request => store().groups({ limit: LISTED, ...request }),
  async show(id) {
    const found = await store().get(id)
    if (found) return found
    throw letterNotFound(id)
  },
  async plan(selection, { operator: _, reason: __, ...options } = {}) {
    const plan = await store().plan({ ...options, selection: chosen(selection) })
    return { ...plan, targets: plan.targets.map(part => withObstacle(part, options.target, config())) }
  },
  async replay(selection, { operator, reason, ...options } = {}) {
    const request = { ...options, selection: chosen(selection) }
    checkTarget(options.target, config())
    const { job, selected, refused } = await store().startReplay(request, whom(pick(operator, reason)))
    return { job, requested: selected, refused }
  },
  jobs: async filter => store().jobs(filter),
  async job(id) {
    const found = await store().job(id)
    if (found) return found
    throw new MillraceError(
      'REPLAY_NOT_FOUND',
      `there is no replay ${JSON.stringify(id)}; millrace dlq jobs shows those there are`,
    )
  },
  pauseReplay: async (id, by) => store().steer(id, 'paused', whom(by)),
  resumeReplay: async (id, by) => store().steer(id, 'running', whom(by)),
  cancelReplay: async (id, by) => store().steer(id, 'cancelled', whom(by)),
  async note(id, note, by) {
    if (!(await store().note(id, note, whom(by)))) throw letterNotFound(id)
  },
  archive: async (selection, by) => store().archive(chosen(selection), whom(by)),
  restore: async (selection, by) => store().restore(chosen(selection), whom(by)),
  purge: async (selection, by) => store().purge(chosen(selection), whom(by)),
  edit: (id, edit) => editAndReplay(store(), config(), id, edit),
  take: async (exported, by) => store().take(exported, whom(by)),
  audit: async subject => store().audit(subject),
  goOn: async mapping => (await store().goOn(mapping)).length,
})

export const letterNotFound = (id: string): MillraceError =>
  new MillraceError(
    'DEAD_LETTER_NOT_FOUND',
    `there is no dead letter ${JSON.stringify(id)}; millrace dlq list shows those there are`,
  )

export const whom = ({ operator = '', reason = '' }: ByWhom = {}): Operator => ({ operator, reason })

const pick = (operator: string | undefined, reason: string | undefined): ByWhom => ({
  ...(operator === undefined ? {} : { operator }),
  ...(reason === undefined ? {} : { reason }),
})

const chosen = (selection: LetterSelection): Selection => {
  if ('ids' in selection) return selection
  const { all: _, ...filter } = selection
  return { filter }
}

/** An operator's app without a configuration knows of no mapping, and says nothing of any. */
const withObstacle = (part: PlannedPart, target: ReplayTarget | undefined, config: ResolvedConfig): PlannedPart => {
  const { mappings, channels } = config
  const mapping = mappings.find(({ name }) => name === part.mapping)
  if (mappings.length === 0) return part
  if (!mapping) return { ...part, obstacle: 'waits: the configuration has no mapping of this name' }
  if (mapping.channel.address !== part.source)
    return { ...part, obstacle: `waits: the mapping reads ${mapping.channel.address} now` }
  const known = target?.kind !== 'source' || channels.has(part.source)
  return known ? part : { ...part, obstacle: 'fails: the configuration has no such channel' }
}

/** A mistyped channel would make every letter fail again. */
const checkTarget = (target: ReplayTarget | undefined, { channels, mappings }: ResolvedConfig): void => {
  if (target?.kind !== 'channel' || mappings.length === 0 || channels.has(target.address)) return
  throw new MillraceError(
    'CHANNEL_UNKNOWN',
    `${target.address} is not a channel of the configuration; known are: ${[...channels.keys()].join(', ')}; list it under channels`,
  )
}
