/** Programs that speak the Runtime API by hand, written in Node because Node is there. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { FunctionSpec } from '../../../../core/engine/contract.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { type Harness, harness } from '../harness.ts'

/** What every program may use: `next`, `respond`, `fail`, `initFail` and `call`, each with the status it was answered with. */
const CLIENT = `
const base = 'http://' + process.env.AWS_LAMBDA_RUNTIME_API + '/2018-06-01/runtime'
const call = async (method, path, body, headers = {}) => {
  const answer = await fetch(base + path, { method, body, headers })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}
const next = async () => {
  const { status, headers, text } = await call('GET', '/invocation/next')
  return { status, headers, text, id: headers.get('lambda-runtime-aws-request-id'), event: status === 200 ? JSON.parse(text) : undefined }
}
const respond = (id, value, headers) => call('POST', '/invocation/' + id + '/response', typeof value === 'string' ? value : JSON.stringify(value), headers)
const fail = (id, error, headers) => call('POST', '/invocation/' + id + '/error', typeof error === 'string' ? error : JSON.stringify(error), headers)
const initFail = (error, headers) => call('POST', '/init/error', JSON.stringify(error), headers)
const serve = async handle => {
  for (;;) {
    const request = await next()
    try { await respond(request.id, (await handle(request.event, request)) ?? null) }
    catch (error) { await fail(request.id, { errorType: error.name, errorMessage: error.message, stackTrace: error.stack.split('\\n'), ...error }) }
  }
}
`

/** Functions by name, each the source of a program that follows {@link CLIENT}. */
export const programs = async (
  context: TestContext,
  written: Readonly<Record<string, Partial<FunctionSpec> & { readonly source: string }>>,
): Promise<Harness & { readonly folder: string }> => {
  const folder = await temporaryFolder(context)
  const specs = await Promise.all(
    Object.entries(written).map(async ([name, { source, ...change }]) => {
      await mkdir(join(folder, name))
      await writeFile(join(folder, name, 'main.mjs'), CLIENT + source)
      const code = { command: [process.execPath, 'main.mjs'], folder: join(folder, name) }
      return [name, { code, ...change }] as const
    }),
  )
  return { ...(await harness(context, Object.fromEntries(specs))), folder }
}

/** The files of a package whose bootstrap runs `source`. */
export const bootstrapFiles = (source: string): Readonly<Record<string, string>> => ({
  bootstrap: `#!/bin/sh\nexec '${process.execPath}' main.mjs`,
  'main.mjs': `${CLIENT}${source}`,
})

/** An executable file with a first line that says what runs it. */
export const writeExecutable = async (path: string, text: string): Promise<void> => {
  await writeFile(path, text)
  await chmod(path, 0o755)
}
