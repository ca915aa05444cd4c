/** What the place of a module or program says to the function in environment variables: Lambda's, and where its layers are. */
import { dirname, join, parse, relative } from 'node:path'
import type { ModuleCode, Program } from '../contract.ts'

/** The folder of its code: LAMBDA_TASK_ROOT, and where a process of it works. */
export const taskRoot = ({ root, file }: ModuleCode): string => root ?? dirname(file)

/** `path`: the PATH that the function would have otherwise. */
export const moduleVariables = (code: ModuleCode, path: string | undefined): Record<string, string> => {
  const root = taskRoot(code)
  const { dir, name } = parse(relative(root, code.file))
  return {
    _HANDLER: `${join(dir, name)}.${code.export ?? 'handler'}`,
    LAMBDA_TASK_ROOT: root,
    ...(code.layers ? layerVariables(code.layers.folder, path) : {}),
  }
}

/** The same for a program. On Lambda its runtime lies in a folder of its own; here it is part of the function. */
export const programVariables = (program: Program, path: string | undefined): Record<string, string> => ({
  _HANDLER: program.handler ?? `${parse(program.command.at(-1) ?? '').name}.handler`,
  LAMBDA_TASK_ROOT: program.folder,
  LAMBDA_RUNTIME_DIR: program.folder,
  ...(program.layers ? layerVariables(program.layers.folder, path) : {}),
})

/** As Lambda has them with /opt; modules are found without NODE_PATH, but by children that are Node only with it. */
const layerVariables = (folder: string, path: string | undefined): Record<string, string> => ({
  MILLRACE_OPT: folder,
  PATH: path === undefined ? join(folder, 'bin') : `${path}:${join(folder, 'bin')}`,
  LD_LIBRARY_PATH: join(folder, 'lib'),
  NODE_PATH: join(folder, 'nodejs/node_modules'),
})
