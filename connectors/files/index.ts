/** `millrace/files`: folders whose files are watched, as values. */
export { type FileChange, type FilesOptions, files } from './channel.ts'
