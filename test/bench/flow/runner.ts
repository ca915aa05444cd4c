import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Contestant } from '../contestant.ts'
import type { Cost, Setup } from './work.ts'

interface Runner {
  round(): Promise<Cost>
  close(): Promise<void>
}

/** In a process of its own: none runs on code that another has warmed up or made polymorphic. */
const open = async (setup: Setup): Promise<Runner> => {
  const child = fork(`${import.meta.dirname}/runner-main.ts`, [JSON.stringify(setup)])
  const ended = once(child, 'exit')
  const answer = async (): Promise<unknown> =>
    Promise.race([
      once(child, 'message').then(([message]) => message),
      ended.then(([code]) => Promise.reject(new Error(`${JSON.stringify(setup)} ended with code ${code}`))),
    ])
  await answer()
  return {
    async round() {
      const answered = answer()
      child.send('round')
      return (await answered) as Cost
    },
    async close() {
      child.send('close')
      await ended
    },
  }
}

export const hostOf = (name: string, setup: Setup): Contestant => ({
  name,
  async open() {
    const runner = await open(setup)
    return { round: async () => (await runner.round()).host, close: runner.close }
  },
})

/** The two sides of the same rounds. */
export const bothOf = (name: string, setup: Setup): readonly Contestant[] => {
  let last: Cost | undefined
  return [
    {
      name: `${name}, host`,
      async open() {
        const runner = await open(setup)
        return {
          async round() {
            last = await runner.round()
            return last.host
          },
          close: runner.close,
        }
      },
    },
    {
      name: `${name}, environments`,
      open: async () => ({ round: async () => last?.environments ?? Number.NaN, close: async () => undefined }),
    },
  ]
}
