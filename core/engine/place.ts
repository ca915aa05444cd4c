import type { EnvironmentParts } from './environment.ts'
import type { Place } from './runtime/context.ts'

/** What a function may know of where it runs. */
export const placeOf = ({ app, spec, version, id, initialization }: EnvironmentParts): Place => ({
  app,
  functionName: spec.name,
  version,
  memoryMb: spec.memoryMb,
  environment: id,
  initialization,
})
