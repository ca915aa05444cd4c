/** Other languages, for tests that need them: where one is missing, the test is skipped with this reason. */
import { execFile, spawnSync } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFolder } from './folder.ts'

const missing = (command: string, args: readonly string[]): string | false =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0 ? false : `${command} is not installed`

export const missingPython = missing('python3', ['--version'])
export const missingGo = missing('go', ['version'])

/** Compiles these files, copied into one folder, to a program named `bootstrap`; answers the folder. Slow the first time on a machine. */
export const buildGo = async (context: TestContext, files: readonly string[]): Promise<string> => {
  const folder = await temporaryFolder(context)
  await writeFile(join(folder, 'go.mod'), 'module function\n\ngo 1.21\n')
  await Promise.all(files.map((file, index) => copyFile(file, join(folder, `${index}.go`))))
  await promisify(execFile)('go', ['build', '-o', 'bootstrap', '.'], { cwd: folder })
  return folder
}
