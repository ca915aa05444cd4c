/** The options of a function that runs somewhere else: behind a URL, or in a container image. */
import type { ImageCode, RemoteCode } from '../engine/contract.ts'
import { MillraceError } from '../errors.ts'
import { choice, isText, option, text, type Values } from './option.ts'
import { group, isPlainObject } from './options.ts'
import { type Problem, show } from './problem.ts'
import { resolveSecrets, revealVariables, type SecretPlaces, type SecretRef } from './secret.ts'

type Texts = Readonly<Record<string, string | SecretRef>>

export const remoteOptions = {
  url: text({
    doc: 'A function somewhere else: the address of an invoke endpoint, or of a receiver of CloudEvents.',
    otherwise: 'none',
  }),
  protocol: choice({
    of: ['lambda', 'cloudevents'],
    default: 'lambda',
    doc: '`lambda`: what Lambda’s invoke endpoints speak, a request for each batch. `cloudevents`: CloudEvents over HTTP, a request for each record.',
  }),
  headers: option<Texts, Texts>({
    doc: 'Sent with every request: authorization, for example.',
    takes: 'texts, `env()` or `file()` by name',
    expected: 'an object of texts, env() or file(), by the names of headers',
    default: {},
    defaultText: 'none',
    read: value =>
      isPlainObject(value) && Object.entries(value).every(([name, item]) => isHeaderName(name) && isText(item))
        ? (value as Texts)
        : undefined,
  }),
  tls: group({
    doc: '',
    options: {
      ca: text({ doc: 'Who is trusted to say who the other side is, PEM.', otherwise: "Node's authorities" }),
      cert: text({ doc: 'Who we are, PEM.', otherwise: 'none' }),
      key: text({ doc: 'The key to it, PEM.', otherwise: 'none' }),
    },
  }),
  image: option<string, string | undefined>({
    doc: 'A container image that answers the invoke endpoint on port 8080, as those of AWS do; runs where Docker or Podman is there.',
    takes: 'the name of an image',
    expected: 'the name of an image, like public.ecr.aws/lambda/python:3.13',
    default: undefined,
    defaultText: 'none',
    read: value => (typeof value === 'string' && IMAGE.test(value) ? value : undefined),
  }),
}

const isHeaderName = (name: string): boolean => /^[\w!#$%&'*+.^`|~-]+$/.test(name)

/** What a command line of Docker takes for the name of an image and not for an option. */
const IMAGE = /^[A-Za-z0-9][\w./:@-]*$/

/** A remote function whose URL and headers may still be references. */
export interface RemoteWritten {
  readonly url: string | SecretRef
  readonly protocol: RemoteCode['protocol']
  readonly headers: Texts
  readonly tls: Values<typeof remoteOptions>['tls']
}

type RemoteValues = Values<typeof remoteOptions> & {
  readonly command: readonly string[]
  readonly handler?: string | undefined
}

/** The code of a function that has `url` or `image`; undefined when it has neither. */
export const readRemote = (
  { url, protocol, headers, tls, image, command, handler }: RemoteValues,
  path: string,
): { readonly code: RemoteWritten | ImageCode } | { readonly problems: readonly Problem[] } | undefined => {
  if (image !== undefined)
    return { code: { image, containerCommand: command.length > 0 || handler === undefined ? command : [handler] } }
  if (url === undefined) return undefined
  const problem = typeof url === 'string' ? urlProblem(url) : undefined
  if (problem !== undefined)
    return {
      problems: [{ path: `${path}.url`, message: problem === NO_ADDRESS ? `${problem}, got ${show(url)}` : problem }],
    }
  return { code: { url, protocol, headers, tls } }
}

/** Only what says where the code is, once; and what belongs to another way of saying it is wrong. */
export const remoteProblems = (written: unknown, path: string): readonly Problem[] => {
  if (!isPlainObject(written)) return []
  const has = (name: string): boolean => written[name] !== undefined
  const problems: Problem[] = []
  const kinds = ['file', 'url', 'image'].filter(has)
  for (const kind of kinds.slice(1))
    problems.push({
      path: `${path}.${kind}`,
      message: `must be left out, because ${kinds[0]} says where the function is`,
    })
  for (const name of ['protocol', 'headers', 'tls'])
    if (has(name) && !has('url')) problems.push({ path: `${path}.${name}`, message: 'is for functions with a url' })
  for (const name of ONLY_HERE)
    if (has(name) && (has('url') || has('image')))
      problems.push({ path: `${path}.${name}`, message: 'is for functions with a file' })
  for (const name of ['command', 'handler', 'env', 'memory'])
    if (has(name) && has('url')) problems.push({ path: `${path}.${name}`, message: 'is for functions that run here' })
  return problems
}

const ONLY_HERE = ['layers', 'maxPackage', 'isolation', 'nodeOptions', 'permissions', 'canary'] as const

/** What the engine asks. Throws SECRET_MISSING, or CONFIG_INVALID for a URL that is none. */
export const resolveRemote = (written: RemoteWritten, where: string, places: SecretPlaces): RemoteCode => {
  const { url, headers, tls } = resolveSecrets(
    { url: { url: written.url }, headers: written.headers, tls: definedOf(written.tls) },
    where,
    places,
  )
  const revealed = revealVariables(url).url ?? ''
  const problem = urlProblem(revealed)
  // The value stays unsaid: it came from where secrets come from.
  if (problem !== undefined) throw new MillraceError('CONFIG_INVALID', `${where}.url ${problem}`, { fatal: true })
  return {
    url: revealed,
    protocol: written.protocol,
    headers: revealVariables(headers),
    tls: revealVariables(tls),
  }
}

const definedOf = (tls: RemoteWritten['tls']): Texts =>
  Object.fromEntries(
    Object.entries(tls).filter((entry): entry is [string, string | SecretRef] => entry[1] !== undefined),
  )

const NO_ADDRESS = 'must be an address like https://host/path'

const urlProblem = (url: string): string | undefined => {
  const parsed = URL.parse(url)
  if (!parsed || !/^https?:$/.test(parsed.protocol)) return NO_ADDRESS
  if (parsed.username !== '' || parsed.password !== '')
    return 'must not have a name or password in it; send them with headers'
  return undefined
}
