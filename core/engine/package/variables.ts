/** What a module's place says to the function in environment variables: Lambda's, and where its layers are. */
import { dirname, join, parse, relative } from 'node:path'
import type { ModuleCode } from '../contract.ts'

/** `path`: the PATH that the function would have otherwise. */
export const moduleVariables = (code: ModuleCode, path: string | undefined): Record<string, string> => {
  const root = code.root ?? dirname(code.file)
  const { dir, name } = parse(relative(root, code.file))
  return {
    _HANDLER: `${join(dir, name)}.${code.export ?? 'handler'}`,
    LAMBDA_TASK_ROOT: root,
    ...(code.layers ? layerVariables(code.layers.folder, path) : {}),
  }
}

/** As Lambda has them with /opt; modules are found without NODE_PATH, but by children that are Node only with it. */
const layerVariables = (folder: string, path: string | undefined): Record<string, string> => ({
  MILLRACE_OPT: folder,
  PATH: path === undefined ? join(folder, 'bin') : `${path}:${join(folder, 'bin')}`,
  LD_LIBRARY_PATH: join(folder, 'lib'),
  NODE_PATH: join(folder, 'nodejs/node_modules'),
})
