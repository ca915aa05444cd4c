/** The editor of whoever sits at the terminal. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { usage } from './input.ts'

/** `$VISUAL`, `$EDITOR` or vi, as git does: a command line, to which the path is added. */
export const editFile = async (path: string): Promise<void> => {
  const editor = process.env.VISUAL || process.env.EDITOR || 'vi'
  // The shell splits the command line; the path is an argument and never part of it.
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, editor, path], { stdio: 'inherit' })
  const [code] = await once(child, 'close')
  if (code !== 0) throw usage(`the editor ${JSON.stringify(editor)} ended with ${code}; nothing was changed`)
}
