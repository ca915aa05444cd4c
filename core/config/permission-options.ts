/** What Node lets a function do, as it is written. */
import { resolve } from 'node:path'
import type { Permissions } from '../engine/contract.ts'
import { flag, type OptionSpec, texts, type Values, type Written } from './option.ts'
import { parseOptions } from './options.ts'

const inside = {
  read: texts({
    takes: 'paths',
    doc: 'Files and folders it may read beside its own folder, its packages and the runtime.',
  }),
  write: texts({ takes: 'paths', doc: 'Those it may write beside the folder for temporary files, which is its own.' }),
  childProcesses: flag({ default: false, doc: 'Whether it may start processes, which then may do anything.' }),
  workers: flag({ default: false, doc: 'Whether it may start threads.' }),
  addons: flag({ default: false, doc: 'Whether it may load native code, which then may do anything.' }),
}

/** Not a group: what is not written at all allows everything, and what is written in part allows that part. */
export const permissions: OptionSpec<Written<typeof inside>, Values<typeof inside> | undefined> = {
  doc: 'What Node lets it do (`--permission`), `{}` for hardly anything. A guard rail against slips, not a sandbox: the network stays open.',
  takes: 'an object',
  default: undefined,
  defaultText: 'everything',
  inside,
  parse: (value, path) => parseOptions(inside, value, path),
}

/** With paths that are relative to the configuration's folder made absolute. */
export const absolutePermissions = (written: Permissions | undefined, folder: string): Permissions | undefined =>
  written && {
    ...written,
    read: written.read.map(path => resolve(folder, path)),
    write: written.write.map(path => resolve(folder, path)),
  }
