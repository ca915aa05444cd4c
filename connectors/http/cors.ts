/** Which pages of other origins may read answers: the option, and what it is to the library. */
import { option } from '../../core/config/option.ts'

/** Left out: as the library of CORS has it. */
export interface Cors {
  /** `*`, or the origins, like `https://shop.example`. */
  readonly origin: string | readonly string[]
  /** Whether pages may send cookies with it; not with the origin `*`. Default: false. */
  readonly credentials?: boolean
  /** Headers that pages may send. Default: those they ask for. */
  readonly allowedHeaders?: readonly string[]
  /** Headers of answers that pages may read. Default: those browsers always show. */
  readonly exposedHeaders?: readonly string[]
  /** For how many seconds a browser need not ask again. Default: as it likes. */
  readonly maxAge?: number
}

const FIELDS = ['origin', 'credentials', 'allowedHeaders', 'exposedHeaders', 'maxAge']

const isOrigin = (value: unknown): value is string =>
  value === '*' || (typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value)

const isNames = (value: unknown): boolean =>
  value === undefined ||
  (Array.isArray(value) && value.every(name => typeof name === 'string' && /^[\w-]+$/.test(name)))

const isCors = (value: unknown): value is Cors => {
  if (typeof value !== 'object' || value === null) return false
  const { origin, credentials, allowedHeaders, exposedHeaders, maxAge } = value as Readonly<Record<string, unknown>>
  const origins: readonly unknown[] = Array.isArray(origin) ? origin : [origin]
  return (
    Object.keys(value).every(name => FIELDS.includes(name)) &&
    origins.length > 0 &&
    origins.every(isOrigin) &&
    (credentials === undefined || typeof credentials === 'boolean') &&
    // Browsers refuse that, and to reflect every origin instead would let any page act as the user.
    !(credentials === true && origins.includes('*')) &&
    isNames(allowedHeaders) &&
    isNames(exposedHeaders) &&
    (maxAge === undefined || (Number.isInteger(maxAge) && Number(maxAge) >= 0))
  )
}

export const corsOption = option<Cors | false, Cors | false | undefined>({
  doc: 'Which pages of other origins may read the answers: of the server, or of this place alone, where `false` is none.',
  takes: '`{ origin, credentials?, allowedHeaders?, exposedHeaders?, maxAge? }`, `false`',
  expected: "false, or an object like { origin: ['https://shop.example'] }; credentials need origins that are named",
  default: undefined,
  defaultText: "the server's, which has none",
  read: value => (value === false || isCors(value) ? value : undefined),
})

/** As the library takes it for one path, on which there are these methods. */
export const corsOf = (cors: Cors | false | undefined, methods: readonly string[]) =>
  cors === undefined || cors === false
    ? false
    : {
        ...cors,
        origin: cors.origin === '*' ? '*' : [cors.origin].flat(),
        methods: [...methods],
        allowedHeaders: cors.allowedHeaders ? [...cors.allowedHeaders] : null,
        exposedHeaders: cors.exposedHeaders ? [...cors.exposedHeaders] : null,
        maxAge: cors.maxAge ?? null,
      }
