/** Folders whose files are watched: channels whose records say what became of them. */
import type { ConnectionValue, PositionedChannel } from '../../core/config/channel.ts'
import { channelValue, readable, type WrittenChannel } from '../../core/config/channel-value.ts'
import { duration, option, size, type Written } from '../../core/config/option.ts'

export type Happened = 'created' | 'changed' | 'removed'

const HAPPENED: readonly Happened[] = ['created', 'changed', 'removed']

const texts = (declared: { readonly doc: string; readonly default: readonly string[]; readonly defaultText: string }) =>
  option<string | readonly string[], readonly string[]>({
    doc: declared.doc,
    takes: 'a pattern, a list of them',
    expected: "a pattern like '**/*.png', or a list of them",
    default: declared.default,
    defaultText: declared.defaultText,
    read: value => {
      const list = typeof value === 'string' ? [value] : value
      return Array.isArray(list) && list.every(each => typeof each === 'string' && each !== '') ? list : undefined
    },
  })

const destination = (doc: string) =>
  option<string, string | undefined>({
    doc,
    takes: 'a folder',
    expected: 'the path of a folder',
    default: undefined,
    defaultText: 'it stays where it is',
    read: value => (typeof value === 'string' && value !== '' ? value : undefined),
  })

/** The options of watched folders. */
export const filesOptions = {
  connection: {},
  channels: {
    folder: {
      folder: option<string, string>({
        doc: 'The folder, with all that is below it; relative to the folder of the configuration.',
        takes: 'a folder',
        expected: 'the path of a folder',
        default: '',
        defaultText: 'required',
        read: value => (typeof value === 'string' && value !== '' ? value : undefined),
      }),
      include: texts({
        doc: 'Which files, by their path below the folder: `*`, `**`, `?`, `[…]`, `{a,b}`. Hidden ones have to be named.',
        default: ['**'],
        defaultText: '`**`',
      }),
      exclude: texts({
        doc: 'Which of them not.',
        default: ['**/*.tmp', '**/*.part', '**/*.crdownload', '**/*~'],
        defaultText: '`**/*.tmp`, `**/*.part`, `**/*.crdownload`, `**/*~`',
      }),
      events: option<readonly Happened[], readonly Happened[]>({
        doc: 'What of a file is told.',
        takes: 'a list of `created`, `changed`, `removed`',
        expected: "a list of 'created', 'changed' and 'removed'",
        default: ['created', 'changed'],
        defaultText: '`created`, `changed`',
        read: value =>
          Array.isArray(value) && value.length > 0 && value.every(each => HAPPENED.includes(each)) ? value : undefined,
      }),
      stable: duration({
        min: '0s',
        max: '1h',
        default: '2s',
        doc: 'A file is complete once its size and time have been the same for so long; `0s` where files only come by being renamed.',
      }),
      lookEvery: duration({
        min: '100ms',
        max: '1h',
        default: '1m',
        doc: 'How often the whole folder is looked through for what the system did not tell; for network file systems less.',
      }),
      hashUpTo: size({
        min: '0 B',
        max: '1 GB',
        default: '1 MB',
        doc: 'Of files up to this size `etag` is the MD5 of the content, and one that was only touched has not changed; of larger ones it is made of size and time.',
      }),
      doneTo: destination('Where a file goes that was processed.'),
      failedTo: destination('Where a file goes that became a dead letter.'),
    },
  },
  together: {
    folder: (options: unknown, path: string) =>
      (options as { readonly folder: string }).folder === ''
        ? [{ path: `${path}.folder`, message: "must be the path of a folder, like './inbox'" }]
        : [],
  },
}

/** What a function receives as `data`: where the file is, not what is in it. */
export interface FileChange {
  readonly event: Happened
  /** Below the folder, parts with `/` between. What is not UTF-8 in it shows as U+FFFD. */
  readonly path: string
  /** Absolute, to open it. */
  readonly file: string
  /** Bytes; not of a removed one, as all below. */
  readonly size?: number
  /** When it was last written, ISO 8601. */
  readonly modified?: string
  /** Another content has another one. */
  readonly etag?: string
  /** `file` as base64, where it is not UTF-8: `readFile(Buffer.from(fileBytes, 'base64'))`. */
  readonly fileBytes?: string
}

type Options = Written<typeof filesOptions.channels.folder>

export type FilesOptions = Options & { readonly folder: string }

/**
 * A watched folder under a name. Every group has every change, also of the time when nobody ran; nothing can be sent to it.
 */
export const files = (name: string, options: FilesOptions): PositionedChannel<FileChange> =>
  readable(
    channelValue(CONNECTION, name, { ...options } as WrittenChannel, {
      type: 'folder',
      ordered: 'key',
      positioned: true,
    }),
  ) as PositionedChannel<FileChange>

const CONNECTION: ConnectionValue<'files'> = { kind: 'files', name: 'files', options: {}, declares: filesOptions }
