/** Which environments a function runs in: what its code is decides, then its isolation. */
import type { Company } from './company.ts'
import type { FunctionSpec } from './contract.ts'
import type { CreateEnvironment } from './environment.ts'
import { hostedEnvironment } from './hosting/environment.ts'
import type { Images } from './image/engine.ts'
import { imageEnvironments } from './image/environment.ts'
import { inlineEnvironments } from './inline/environment.ts'
import type { Limits } from './limits/limits.ts'
import type { PackageCache } from './package/cache.ts'
import { packagedEnvironments } from './package/environment.ts'
import { preparePackage } from './package/prepare.ts'
import { kindOfProcess, processes } from './process/carrier.ts'
import type { Reaper } from './process/reaper.ts'
import type { Zygotes } from './process/zygotes.ts'
import { remoteEnvironments } from './remote/environment.ts'
import { runtimeApiEnvironment } from './runtime-api/environment.ts'
import { threads } from './thread/carrier.ts'

/** What environments of all functions share. */
export interface EnvironmentTools {
  readonly reaper: Reaper
  readonly limits: Limits
  readonly packages: PackageCache
  readonly images: Images
  readonly zygotes: Zygotes
  readonly company: Company
}

/** Whether starting one is work for the processors of this machine, which others then wait for. */
export const isHosted = ({ code, isolation }: Pick<FunctionSpec, 'code' | 'isolation'>): boolean =>
  isolation !== 'inline' && ('file' in code || 'package' in code)

/** Environments of one function. */
export const environmentsOf = (spec: FunctionSpec, tools: EnvironmentTools): CreateEnvironment => {
  const { code } = spec
  if ('package' in code)
    return packagedEnvironments(spec, {
      prepare: () => preparePackage(spec.name, code, tools.packages),
      environmentsOf: prepared => environmentsOf(prepared, tools),
    })
  if ('command' in code) return parts => runtimeApiEnvironment(parts, { ...tools, program: code })
  if ('image' in code) return imageEnvironments(code, tools)
  if ('url' in code) return remoteEnvironments(code)
  if (spec.isolation === 'inline') return inlineEnvironments(spec)
  if (spec.isolation === 'process') tools.limits.prepare()
  if (spec.isolation === 'process' && 'file' in code) tools.zygotes.want(spec.name, kindOfProcess(spec, code))
  return parts => hostedEnvironment(parts, spec.isolation === 'thread' ? threads : processes(tools), tools.company)
}
