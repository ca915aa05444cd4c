/** `millrace dlq`: finding dead letters, looking at them, and having them run again. */
import type { AddCommand } from '../program.ts'
import { addEdit } from './edit.ts'
import { addJobs } from './jobs.ts'
import { addKeep } from './keep.ts'
import { addList } from './list.ts'
import { addReplay } from './replay.ts'
import { addShow } from './show.ts'
import { addTransfer } from './transfer.ts'

export const addDeadLetters: AddCommand = (program, run, exit) => {
  const dlq = program.command('dlq').description('look at dead letters and replay them')
  for (const add of [addList, addShow, addReplay, addEdit, addJobs, addKeep, addTransfer]) add(dlq, run, exit)
}
