/** The options of a server, its routes and its doors as values, defaults filled in. Validation has seen each. */
import type { OptionSpecs, Values } from '../../core/config/option.ts'
import type { ChannelRef } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { httpOptions } from './options.ts'
import type { ResolvedScheme } from './webhooks/verify.ts'

export type ServerSettings = Values<typeof httpOptions.connection>
/** Secrets are resolved before a place is opened. */
type Resolved<Settings> = Omit<Settings, 'verify'> & { readonly verify: ResolvedScheme | undefined }
export type RouteSettings = Resolved<Values<typeof httpOptions.channels.route>>
export type DoorSettings = Resolved<Values<typeof httpOptions.channels.door>>

/** Throws CONFIG_INVALID. `tls` is not looked at: its secrets are resolved already. */
export const serverSettings = (
  name: string,
  { tls, ...options }: Readonly<Record<string, unknown>>,
): ServerSettings => ({
  ...(readOptions(httpOptions.connection, options, `connections.${name}`) as ServerSettings),
  tls: tls as ServerSettings['tls'],
})

/** Options of channels are complete already: defaults were filled in when the configuration was checked. */
export const doorSettings = ({ options }: ChannelRef): DoorSettings => options as unknown as DoorSettings
export const routeSettings = ({ options }: ChannelRef): RouteSettings => options as unknown as RouteSettings

const readOptions = (specs: OptionSpecs, written: Readonly<Record<string, unknown>>, path: string): unknown => {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(specs)) {
    const given = written[name]
    const parsed = given === undefined ? { value: spec.default } : spec.parse(given, `${path}.${name}`, spec.default)
    if ('value' in parsed) values[name] = parsed.value
    else problems.push(...parsed.problems.map(({ path: where, message }) => `${where} ${message}`))
  }
  if (problems.length > 0) throw new MillraceError('CONFIG_INVALID', problems.join('\n'), { fatal: true })
  return values
}
