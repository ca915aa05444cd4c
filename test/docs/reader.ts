/** A page as its reader would use it: the code blocks that name their file become a project. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { startNode } from '../support/child.ts'

export const ROOT = join(import.meta.dirname, '../..')

/** Below the repository, so that `millrace` and zod are found as a dependency would be. */
export const readersFolder = async (context: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(ROOT, 'test/docs/reader-'))
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Of blocks that begin with a comment: the name of their file, and perhaps what there is to say of it. */
export const readersProject = async (context: TestContext, page: string): Promise<string> => {
  const folder = await readersFolder(context)
  for (const [, file = '', code = ''] of page.matchAll(/```[tj]s\n\/\/ (\S+?):?(?: .*)?\n([\s\S]*?)```/g)) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), code)
  }
  return folder
}

/** The project compiles by the settings of this repository. */
export const compiles = async (context: TestContext, folder: string): Promise<void> => {
  const settings = {
    extends: '../../../tsconfig.json',
    compilerOptions: { rootDir: ROOT },
    include: ['**/*.ts'],
    exclude: [],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const compiled = startNode(context, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder])
  assert.equal((await compiled.ended).code, 0, compiled.output())
}
