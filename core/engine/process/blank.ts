/** A process with the runtime in it and no function yet: in a group and a folder of its own, within its limits, with a socketpair as fd 3. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../clock.ts'
import { compileCacheDir } from '../hosting/compile-cache.ts'
import type { Confinement, Limits } from '../limits/limits.ts'
import { temporaryIn } from '../limits/workspace.ts'
import { runtimeFile } from '../one-file/runtime-file.ts'
import { type BeginMark, openBeginMark } from './begin-mark.ts'
import type { BlankKind } from './blank-kind.ts'
import { type HeldProcess, holdProcess, spawnOr } from './held.ts'
import type { Reaper } from './reaper.ts'
import { type FrameWriter, frameWriter } from './writer.ts'

export interface Blank {
  readonly child: ChildProcess
  readonly held: HeldProcess
  readonly socket: Duplex
  readonly writer: FrameWriter
  readonly mark: BeginMark
  readonly confinement: Confinement
  /** It has ended, and nothing is asked of it any more. */
  forget(): void
}

export interface BlankParts {
  readonly clock: Clock
  readonly reaper: Reaper
  readonly limits: Limits
}

/** Throws what spawn and the file system throw when there is no process, file descriptor or folder left. */
export const startBlank = (kind: BlankKind, id: string, { clock, reaper, limits }: BlankParts): Blank => {
  const confinement = limits.confine({ id, memoryMb: kind.memoryMb })
  const mark = openBeginMark()
  const child = spawnOr(
    () => {
      mark.close()
      confinement.leave()
    },
    () => spawnBlank(kind, mark, confinement.folder),
  )
  const socket = child.stdio[3] as Duplex
  // EPIPE or ECONNRESET: the process has ended, and `ended` tells so with more to say.
  socket.on('error', () => {})
  const held = holdProcess(child, { clock, confinement, reaper })
  const writer = frameWriter(socket)
  // No code of the user is loaded before the limits hold; starting Node takes longer than setting them.
  void held.entered.then(writer.open)
  return {
    child,
    held,
    socket,
    writer,
    mark,
    confinement,
    forget() {
      held.forget()
      mark.close()
    },
  }
}

const spawnBlank = (kind: BlankKind, mark: BeginMark, folder: string): ChildProcess => {
  const cacheDir = kind.compileCache === 'on' ? compileCacheDir() : undefined
  // Who is held to permissions can read the package, and nothing else of ours.
  const runtime = runtimeFile(import.meta.url, 'child', kind.compileCache === 'on' ? 'any' : 'package')
  return spawn(process.execPath, [...kind.flags(folder), runtime], {
    env: {
      TMPDIR: temporaryIn(folder),
      ...kind.variables,
      // Node reads it before any module of ours, and the runtime removes it before any of the user's.
      ...(cacheDir === undefined ? {} : { NODE_COMPILE_CACHE: cacheDir }),
    },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', mark.fd],
  })
}
