/** Functions of folders and zips that a test writes. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { FunctionSpec, PackageCode } from '../../../../core/engine/contract.ts'
import { harness, outcomeAs } from '../harness.ts'
import { zipOf } from './zip.ts'

export const MB = 1_048_576

export type Files = Readonly<Record<string, string>>

export const writeFiles = async (folder: string, files: Files): Promise<string> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

export const writeZip = async (path: string, files: Files): Promise<string> => {
  await writeFile(path, zipOf(...Object.entries(files).map(([name, body]) => ({ name, body }))))
  return path
}

export const code = (path: string, more: Partial<PackageCode> = {}): { code: PackageCode } => ({
  code: { package: path, layers: [], maxBytes: 250 * MB, ...more },
})

/** What a function of this code answers, or the error that it is not ready for. */
export const answerOf = async (context: TestContext, spec: Partial<FunctionSpec>): Promise<unknown> => {
  const { run } = await harness(context, { f: spec })
  const report = await run('f')
  return report.outcome.kind === 'not-ready' ? report.outcome.error : outcomeAs(report, 'answered').value
}

export const handler = (value: string): string => `export const handler = () => ${value}`
