/** The command line's host and terminal as they are outside of tests. Rooms are loaded when a command needs them. */
import { userInfo } from 'node:os'
import { systemClock } from '../clock.ts'
import type { Host, Terminal } from './host.ts'

export const systemHost: Host = {
  clock: systemClock,
  createApp: async (config, options) => (await import('../app.ts')).createApp(config, options),
  async stateDirOf(config, folder) {
    const { configError, validateConfig } = await import('../config/validate.ts')
    const validation = validateConfig(config, { folder })
    if (!validation.ok) throw configError(validation.problems, folder)
    return validation.config.stateDir
  },
  signal: (pid, name) => void process.kill(pid, name),
  user: userName,
  editFile: async path => (await import('./editor.ts')).editFile(path),
  readStatus: async stateDir => (await import('../status-board.ts')).readStatus(stateDir),
}

export const systemTerminal: Terminal = {
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal(run) {
    process.on('SIGINT', run).on('SIGTERM', run)
    return () => void process.off('SIGINT', run).off('SIGTERM', run)
  },
  onReload(run) {
    process.on('SIGHUP', run)
    return () => void process.off('SIGHUP', run)
  },
}

/** A container's user may have no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
