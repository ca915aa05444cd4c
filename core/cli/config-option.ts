/** The option that every command has: which configuration. */
import { type Command, Option } from 'commander'
import { findConfig, type LoadedConfig, loadConfig } from '../config/load.ts'
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
