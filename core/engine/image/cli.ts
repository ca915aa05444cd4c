/** Docker or Podman, by their command line, which is the same in all that is used of it here. */
import { spawn } from 'node:child_process'
import { errorInfo, MillraceError } from '../../errors.ts'

export interface ContainerEngine {
  readonly command: string
  /** Rejects with the last line that was printed when it fails, or with why it could not be started. */
  run(args: readonly string[], signal?: AbortSignal): Promise<string>
}

const COMMANDS = ['docker', 'podman'] as const

/** The first whose engine answers. Rejects with FUNCTION_INIT_FAILED that says what was looked for. */
export const findContainerEngine = async (): Promise<ContainerEngine> => {
  const tried: string[] = []
  for (const command of COMMANDS) {
    const engine: ContainerEngine = { command, run: (args, signal) => runCommand(command, args, signal) }
    try {
      // Of Docker it asks the daemon too, and fails when that does not answer.
      await engine.run(['version'])
      return engine
    } catch (thrown) {
      tried.push(`${command}: ${errorInfo(thrown).message}`)
    }
  }
  throw new MillraceError(
    'FUNCTION_INIT_FAILED',
    `there is no Docker or Podman that answers, which functions with an image need (${tried.join('; ')}). Looked for: ${COMMANDS.join(' and ')} on the PATH ` +
      `(${process.env.PATH ?? 'which is not set'}), DOCKER_HOST ${process.env.DOCKER_HOST ?? 'not set'}. Install one and start its engine, or give the function as a file or zip, or as a url`,
  )
}

/** What the command line itself needs; DOCKER_HOST and the like say where its engine is. */
const OWN =
  /^(?:PATH|HOME|USER|TMPDIR|LANG|XDG_\w+|DOCKER_\w+|CONTAINER\w*|CONTAINERS_\w+|SSH_AUTH_SOCK|\w+_PROXY|\w+_proxy)$/

export const isOwnVariable = (name: string): boolean => OWN.test(name)

/** The variables that the command line is started with. */
export const ownVariables = (): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => isOwnVariable(name)))

const MAX_OUTPUT_CHARS = 1_048_576

const runCommand = (command: string, args: readonly string[], signal?: AbortSignal): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: ownVariables(), stdio: ['ignore', 'pipe', 'pipe'], signal })
    let output = ''
    let errors = ''
    const keep = (text: string, more: string): string => (text + more).slice(-MAX_OUTPUT_CHARS)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = keep(output, text)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = keep(errors, text)
    })
    child.once('error', thrown => {
      const { code, message } = errorInfo(thrown)
      reject(new Error(code === 'ENOENT' ? 'not on the PATH' : message))
    })
    child.once('close', exit => {
      if (exit === 0) resolve(output)
      else reject(new Error(lastLine(errors) ?? `it ended with exit code ${exit}`))
    })
  })

const lastLine = (text: string): string | undefined => text.trim().split('\n').at(-1)?.trim() || undefined
