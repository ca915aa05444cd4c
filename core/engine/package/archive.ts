/**
 * A zip, read and judged as a whole before anything is written: its directory first, then every entry's bytes against what
 * the directory says of them.
 */

import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import { type Entry, fromBufferPromise, getFileNameLowLevel, type ZipFile } from 'yauzl'
import { errorInfo, MillraceError } from '../../errors.ts'
import { entryProblem, isFolder, nameBook, type ZipEntry } from './entry.ts'

export interface ArchiveLimits {
  /** Unpacked, of all archives of a function together. */
  readonly maxBytes: number
  /** What its other archives come to. */
  readonly taken: number
}

export interface ArchiveFile extends ZipEntry {
  /** Inflates it. Rejects with FUNCTION_PACKAGE_INVALID, naming the entry, when it is not what the directory says. */
  read(): Promise<Buffer>
}

/** A zip whose directory holds nothing that is refused. */
export interface Archive {
  readonly files: readonly ArchiveFile[]
  readonly folders: readonly string[]
  /** Unpacked, as its directory says. */
  readonly bytes: number
}

/** As many as a zip has without its extension for large ones; packages with all their dependencies have a tenth of it. */
export const MAX_ENTRIES = 65_535
/** Deflate comes to 1,032 at most, code and text to about 10. Not looked at below the floor, where nothing is at stake. */
export const MAX_RATIO = 100
const RATIO_FLOOR_BYTES = 16 * 1_048_576

/** Reads the directory of a zip. Rejects with FUNCTION_PACKAGE_INVALID that says what is wrong, and with which entry. */
export const openArchive = async (path: string, zip: Buffer, limits: ArchiveLimits): Promise<Archive> => {
  const file = await openZip(path, zip)
  if (file.entryCount > MAX_ENTRIES)
    throw refused(path, `has ${file.entryCount} entries; expected at most ${MAX_ENTRIES}`)
  const files: ArchiveFile[] = []
  const folders: string[] = []
  const nextName = nameBook()
  let bytes = 0
  for await (const entry of entriesOf(path, file)) {
    const facts = factsOf(entry)
    const problem = entryProblem(facts) ?? nextName(facts.name)
    if (problem !== undefined) throw refused(path, problem, facts.name)
    bytes += facts.bytes
    if (limits.taken + bytes > limits.maxBytes) throw refused(path, tooLarge(limits), facts.name)
    if (isFolder(facts)) folders.push(facts.name)
    else files.push({ ...facts, read: () => readEntry(path, zip, file, entry, facts) })
  }
  if (bytes > RATIO_FLOOR_BYTES && bytes > zip.byteLength * MAX_RATIO)
    throw refused(path, `comes to ${bytes} bytes, more than ${MAX_RATIO} times its own ${zip.byteLength}`)
  return { files, folders, bytes }
}

/** Inflates every entry and keeps none. Rejects like {@link ArchiveFile.read} at the first that is not what it should be. */
export const verifyArchive = async ({ files }: Archive): Promise<void> => {
  for (const file of files) await file.read()
}

const tooLarge = ({ maxBytes }: ArchiveLimits): string =>
  `would bring the function and its layers over the ${maxBytes} bytes that may be unpacked (maxPackage); leave out what it does not need`

const openZip = async (path: string, zip: Buffer): Promise<ZipFile> => {
  try {
    // Names are decoded by us, after they were looked at: the library would end with words that do not name the entry.
    return await fromBufferPromise(zip, { decodeStrings: false, validateEntrySizes: false })
  } catch (thrown) {
    throw refused(path, `is no zip, or was cut off: ${errorInfo(thrown).message}`)
  }
}

async function* entriesOf(path: string, file: ZipFile): AsyncGenerator<Entry> {
  let count = 0
  try {
    for await (const entry of file.eachEntry()) {
      count += 1
      yield entry
    }
  } catch (thrown) {
    if (thrown instanceof MillraceError) throw thrown
    throw refused(path, `has a directory that ends after ${count} entries: ${errorInfo(thrown).message}`)
  }
}

/** The kind of a file is told by Unix systems only, but where a zip says one it is believed, whoever made it. */
const MODE_SHIFT = 16

const factsOf = (entry: Entry): ZipEntry => ({
  name: getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true),
  method: entry.compressionMethod,
  compressedBytes: entry.compressedSize,
  bytes: entry.uncompressedSize,
  flags: entry.generalPurposeBitFlag,
  mode: entry.externalFileAttributes >>> MODE_SHIFT,
  extraFields: entry.extraFields,
})

const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflateRaw)

const readEntry = async (path: string, zip: Buffer, file: ZipFile, entry: Entry, facts: ZipEntry): Promise<Buffer> => {
  const bytes = await contentOf(path, zip, file, entry, facts)
  if (bytes.byteLength !== facts.bytes)
    throw refused(path, `has ${bytes.byteLength} bytes, but ${facts.bytes} by the archive's directory`, facts.name)
  if (crc32(bytes) !== entry.crc32)
    throw refused(path, 'is damaged: its checksum is not that of the directory', facts.name)
  return bytes
}

const contentOf = async (path: string, zip: Buffer, file: ZipFile, entry: Entry, facts: ZipEntry): Promise<Buffer> => {
  try {
    const { fileDataStart } = await file.readLocalFileHeaderPromise(entry, { minimal: true })
    const raw = zip.subarray(fileDataStart, fileDataStart + facts.compressedBytes)
    // One byte more than it may have is enough to know.
    return facts.method === 0 ? raw : await inflate(raw, { maxOutputLength: Math.max(1, facts.bytes) })
  } catch (thrown) {
    const { code, message } = errorInfo(thrown)
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw refused(path, `has more than the ${facts.bytes} bytes of the archive's directory`, facts.name)
    throw refused(path, `cannot be unpacked: ${message}`, facts.name)
  }
}

/** `problem` goes on after the name of the entry, or of the archive. */
const refused = (path: string, problem: string, entry?: string): MillraceError =>
  new MillraceError(
    'FUNCTION_PACKAGE_INVALID',
    entry === undefined
      ? `${path} ${problem}. Nothing of it was written`
      : `${path}: its entry ${shown(entry)} ${problem}. Nothing of it was written`,
  )

const SHOWN_CHARS = 120

const shown = (name: string): string =>
  JSON.stringify(name.length > SHOWN_CHARS ? `${name.slice(0, SHOWN_CHARS)}…` : name)
