/** What an environment is started with, whatever carries it. */
import { fileURLToPath } from 'node:url'
import { REGION } from '../../event/lambda/arn.ts'
import type { FunctionSpec } from '../contract.ts'
import { moduleVariables, programVariables } from '../package/variables.ts'
import { logGroupOf, type Place } from '../runtime/context.ts'

/** The path of a module in the folder of another: TypeScript in the repository, JavaScript where it was published. */
export const moduleBeside = (url: string, name: string): string =>
  fileURLToPath(new URL(`./${name}${url.endsWith('.ts') ? '.ts' : '.js'}`, url))

/** V8's heap is not all of an environment: this much is left for the rest. */
const OUTSIDE_HEAP_MB = 40
const MIN_HEAP_MB = 16

export const heapMb = (memoryMb: number): number => Math.max(MIN_HEAP_MB, Math.floor(memoryMb) - OUTSIDE_HEAP_MB)

const PASSED_ON = ['PATH', 'TZ', 'LANG', 'NODE_ENV'] as const

/** All that a function sees of the environment; its own `env` wins. Nothing else of the host's gets through. */
export const environmentVariables = (
  spec: Pick<FunctionSpec, 'name' | 'code' | 'env'>,
  place: Place,
  host: Readonly<Record<string, string | undefined>>,
): Record<string, string> => {
  const variables: Record<string, string> = {}
  for (const name of PASSED_ON) {
    const value = host[name]
    if (value !== undefined) variables[name] = value
  }
  return {
    ...variables,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: place.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(place.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupOf(place),
    AWS_LAMBDA_LOG_STREAM_NAME: place.environment,
    AWS_LAMBDA_INITIALIZATION_TYPE: place.initialization,
    ...('file' in spec.code ? moduleVariables(spec.code, variables.PATH) : {}),
    ...('folder' in spec.code ? programVariables(spec.code, variables.PATH) : {}),
    ...spec.env,
  }
}
