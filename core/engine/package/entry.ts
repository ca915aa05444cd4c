/**
 * What an entry of a zip may be: pure decisions about what its directory says, before a byte of it is unpacked. Everything
 * that is not a plain file or folder below the archive's own root is refused.
 */

/** An entry as the zip's central directory has it. */
export interface ZipEntry {
  readonly name: string
  readonly method: number
  readonly compressedBytes: number
  readonly bytes: number
  /** General purpose bits. */
  readonly flags: number
  /** Of Unix, with the kind of file in the upper bits; 0 where the archive was made without. */
  readonly mode: number
  readonly extraFields: readonly { readonly id: number; readonly data: Uint8Array }[]
}

const KIND_MASK = 0o170_000
const KINDS: ReadonlyMap<number, string> = new Map([
  [0o120_000, 'a symbolic link'],
  [0o060_000, 'a block device'],
  [0o020_000, 'a character device'],
  [0o010_000, 'a pipe'],
  [0o140_000, 'a socket'],
])
const FOLDER = 0o040_000
const PLAIN: ReadonlySet<number> = new Set([0, 0o100_000, FOLDER])

const METHODS: ReadonlySet<number> = new Set([0, 8])
/** Encrypted, strongly encrypted, or with a directory that hides its values. */
const ENCRYPTED = 0x1 | 0x40 | 0x2000

/** PKWARE's field for Unix: after twelve bytes of times and owners comes the target of a link or the numbers of a device. */
const UNIX_FIELD = { id: 0x000d, plainBytes: 12 } as const

const MAX_NAME_BYTES = 1_024
const MAX_STEP_BYTES = 255

export const isFolder = (entry: Pick<ZipEntry, 'name'>): boolean => entry.name.endsWith('/')

/** What is wrong with an entry, as the end of a sentence that begins with its name; undefined when nothing is. */
export const entryProblem = (entry: ZipEntry): string | undefined =>
  nameProblem(entry.name) ?? kindProblem(entry) ?? contentProblem(entry)

const nameProblem = (name: string): string | undefined => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'has a NUL or another control character in its name'
  if (name.includes('\\')) return 'has a backslash in its name, which is a folder on some systems; separate with "/"'
  if (name.startsWith('/')) return 'has an absolute path'
  if (/^[A-Za-z]:/.test(name)) return 'has a path on a drive'
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has a name of more than ${MAX_NAME_BYTES} bytes`
  const steps = (name.endsWith('/') ? name.slice(0, -1) : name).split('/')
  if (steps.includes('..')) return 'leaves the archive by ".."'
  if (steps.some(step => step === '' || step === '.')) return 'has an empty step or "." in its path'
  if (steps.some(step => Buffer.byteLength(step) > MAX_STEP_BYTES))
    return `has a step of more than ${MAX_STEP_BYTES} bytes in its path`
  return undefined
}

const kindProblem = (entry: ZipEntry): string | undefined => {
  const kind = entry.mode & KIND_MASK
  if (!PLAIN.has(kind)) return `is ${KINDS.get(kind) ?? 'no file and no folder'}; only files and folders are unpacked`
  if (entry.extraFields.some(({ id, data }) => id === UNIX_FIELD.id && data.byteLength > UNIX_FIELD.plainBytes))
    return 'is a link or a device by its Unix field; only files and folders are unpacked'
  if (isFolder(entry) && entry.bytes > 0) return 'is a folder with content'
  if (!isFolder(entry) && kind === FOLDER) return 'is a folder by its mode, but not by its name'
  return undefined
}

const contentProblem = ({ flags, method, bytes, compressedBytes }: ZipEntry): string | undefined => {
  if ((flags & ENCRYPTED) !== 0) return 'is encrypted'
  if (!METHODS.has(method))
    return `is compressed by method ${method}; only stored (0) and deflated (8) entries are unpacked`
  if (method === 0 && bytes !== compressedBytes)
    return `is stored, but has ${compressedBytes} bytes in the archive and should have ${bytes}`
  return undefined
}

/**
 * Remembers the names it was asked about. Answers what is wrong with the next: there already, there in another spelling
 * (of upper and lower case or of Unicode, which are one file on some systems), or a file where there is to be a folder.
 */
export const nameBook = (): ((name: string) => string | undefined) => {
  const known = new Map<string, { readonly path: string; readonly kind: 'file' | 'folder'; declared: boolean }>()
  return name => {
    const folder = name.endsWith('/')
    const steps = (folder ? name.slice(0, -1) : name).split('/')
    for (let depth = 1; depth <= steps.length; depth += 1) {
      const path = steps.slice(0, depth).join('/')
      const last = depth === steps.length
      const kind = last && !folder ? 'file' : 'folder'
      const before = known.get(folded(path))
      if (before === undefined) known.set(folded(path), { path, kind, declared: last })
      else if (before.path !== path) return `has the same name as ${JSON.stringify(before.path)}, but for its spelling`
      else if (before.kind !== kind) return `is in the archive as a file and as a folder (${JSON.stringify(path)})`
      else if (last && before.declared) return 'is in the archive twice'
      else if (last) before.declared = true
    }
    return undefined
  }
}

const folded = (path: string): string => path.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
