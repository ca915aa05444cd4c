/** The option that every command has: which configuration. */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { findConfig, type LoadedConfig, loadConfig } from '../config/load.ts'
import { MillraceError } from '../errors.ts'
import type { Run } from './host.ts'

export interface ConfigChoice {
  readonly config?: string
}

export const withConfig = (command: Command): Command =>
  command.addOption(
    new Option('-c, --config <file>', 'the configuration; by default millrace.config.ts here or in a folder above'),
  )

/** Loads what `--config` names, or the nearest one. Throws CONFIG_NOT_FOUND or CONFIG_INVALID. */
export const loadChosen = (choice: ConfigChoice, { terminal }: Run): Promise<LoadedConfig> =>
  loadConfig(findConfig(terminal.cwd, choice.config))

/**
 * For commands that only need the state folder: the configuration, or, where there is none, an app without mappings on
 * the `.millrace` here or in a folder above.
 */
export const loadState = async (choice: ConfigChoice, run: Run): Promise<LoadedConfig> => {
  try {
    return await loadChosen(choice, run)
  } catch (error) {
    const notFound = error instanceof MillraceError && error.code === 'CONFIG_NOT_FOUND'
    const folder = notFound && choice.config === undefined ? stateAbove(resolve(run.terminal.cwd)) : undefined
    if (folder === undefined) throw error
    return { file: join(folder, STATE_DIR), folder, config: { name: 'operator', stateDir: STATE_DIR, mappings: {} } }
  }
}

const STATE_DIR = '.millrace'

const stateAbove = (folder: string): string | undefined => {
  if (existsSync(join(folder, STATE_DIR, 'millrace.db'))) return folder
  return dirname(folder) === folder ? undefined : stateAbove(dirname(folder))
}
