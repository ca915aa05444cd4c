/** The heavy function in a plain forked process, which answers each message. */
import { handler } from './heavy.ts'

process.on('message', () => process.send?.(handler()))
