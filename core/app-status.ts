import type { DeployStatus } from './deploys.ts'
import type { FunctionStatus } from './engine/engine.ts'
import type { MappingStatus } from './flow/status.ts'

export type AppState = 'created' | 'starting' | 'running' | 'stopping' | 'stopped'

/** What an app tells of itself: plain JSON. */
export interface AppStatus {
  readonly name: string
  readonly state: AppState
  /** It runs, and every mapping reads its source or was paused. */
  readonly ready: boolean
  /** Milliseconds since the epoch. */
  readonly startedAt: number | undefined
  readonly mappings: readonly AppMappingStatus[]
  /** Left out where there is none. */
  readonly doors?: readonly DoorStatus[]
  readonly functions: readonly FunctionStatus[]
  /** Where functions may be called over HTTP. */
  readonly invokeUrl?: string
  /** Left out where the process cannot load its configuration again by itself. */
  readonly deploys?: DeployStatus
}

/** A way in, and the channel behind it. */
export interface DoorStatus {
  readonly address: string
  readonly into: string
  /** `failed`: it can never be opened, and `problem` says why. */
  readonly state: 'opening' | 'open' | 'failed'
  readonly problem?: string
}

export interface AppMappingStatus extends MappingStatus {
  /** The same mapping at work on its replayed dead letters; left out for requests, which leave none. */
  readonly replay?: MappingStatus
}
