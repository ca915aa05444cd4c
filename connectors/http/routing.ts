/** A Fastify for one set of places: it finds the place of a request, reads its body within limits, and hands it over. */
import cors from '@fastify/cors'
import Fastify, { type FastifyReply, type FastifyRequest, type HTTPMethods } from 'fastify'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import {
  type Answer,
  BAD_URL,
  INTERNAL_ERROR,
  NOT_FOUND,
  notAllowed,
  problem,
  TOO_LARGE,
  unsupported,
} from './answers.ts'
import { corsOf } from './cors.ts'
import { isWanted } from './media-type.ts'
import { bodyOf } from './record.ts'
import type { Place } from './server.ts'
import type { ServerSettings } from './settings.ts'
import { type Afterwards, writeAnswer } from './writing.ts'

/** Of `any`, unless they are declared beside it. */
const ANY: readonly HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

export interface RoutingParts {
  readonly settings: ServerSettings
  readonly log: Log
  readonly afterwards: () => Afterwards
}

export type Routing = ReturnType<typeof Fastify>['routing']

/** Paths are taken as bytes of 16 KB at most already; a parameter may be nearly all of that. */
const MAX_PARAM_LENGTH = 8_192

export const buildRouting = async (places: readonly Place[], parts: RoutingParts): Promise<Routing> => {
  const { settings, log, afterwards } = parts
  const send = (reply: FastifyReply, answer: Answer, how: Afterwards = afterwards()): void =>
    writeAnswer(reply, answer, how)
  const app = Fastify({
    bodyLimit: 1,
    exposeHeadRoutes: true,
    requestIdHeader: false,
    return503OnClosing: false,
    trustProxy: settings.trustProxy.length > 0 ? [...settings.trustProxy] : false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (_error, _request, reply) => send(reply as FastifyReply, BAD_URL),
  })
  // Bodies are bytes: what they mean is said by the channel, not by the content type that a client writes.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  const byPath = Map.groupBy(places, place => place.path)
  const isCors = places.some(place => corsFor(place, settings) !== false)
  if (isCors) await app.register(cors, { origin: false, strictPreflight: false, preflightContinue: true })
  for (const [path, here] of byPath) {
    const methods = methodsOf(here)
    for (const place of here)
      app.route({
        method: [...ownMethods(place, here)],
        url: path,
        bodyLimit: place.maxBody,
        config: { cors: corsFor(place, settings, methods) },
        handler: (request, reply) => receive(place, request, reply),
      })
    const first = here.find(place => corsFor(place, settings) !== false) ?? here[0]
    app.route({
      method: 'OPTIONS',
      url: path,
      bodyLimit: 1_024,
      config: { cors: first ? corsFor(first, settings, methods) : false },
      handler: (request, reply) => send(reply, optionsAnswer(here, methods, request)),
    })
  }
  const receive = (place: Place, request: FastifyRequest, reply: FastifyReply): void => {
    const contentType = request.headers['content-type']
    if (bodyOf(request) === null || isWanted(contentType, place.contentTypes)) place.handle(request, reply)
    else send(reply, unsupported(contentType, place.contentTypes))
  }
  const paths = [...byPath].map(([path, here]) => ({ pattern: patternOf(path), methods: methodsOf(here) }))
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const methods = new Set(paths.filter(({ pattern }) => pattern.test(path)).flatMap(each => each.methods))
    send(reply, methods.size === 0 ? NOT_FOUND : notAllowed([...methods]))
  })
  app.setErrorHandler((thrown, _request, reply) => send(reply, brokenRequest(thrown, log), 'close'))
  await app.ready()
  return app.routing
}

/** By the server, unless the place says otherwise. */
const corsFor = (place: Place, { cors: ofServer }: ServerSettings, methods: readonly string[] = []) =>
  corsOf(place.cors ?? ofServer, methods)

const ownMethods = ({ method }: Place, here: readonly Place[]): readonly HTTPMethods[] =>
  method === 'ANY' ? ANY.filter(each => here.every(other => other.method !== each)) : [method]

const methodsOf = (here: readonly Place[]): readonly string[] => {
  const own = new Set<string>(here.flatMap(place => ownMethods(place, here)))
  return [...own, ...(own.has('GET') ? ['HEAD'] : []), 'OPTIONS']
}

const optionsAnswer = (here: readonly Place[], methods: readonly string[], request: FastifyRequest): Answer => {
  const own = here.flatMap(place => place.options?.(request) ?? [])[0]
  return own ?? { status: 204, headers: [['allow', methods.join(', ')]], body: '' }
}

/** Only asked where nothing was found, to say what there is instead. */
const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${path
      .split('/')
      .map(segment =>
        segment === '*' ? '.*' : segment.startsWith(':') ? '[^/]+' : segment.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'),
      )
      .join('/')}$`,
  )

const FIRST_SERVER_STATUS = 500

/** Before a place had it: a body that is too large, broke off, or is not as long as was said. */
const brokenRequest = (thrown: unknown, log: Log): Answer => {
  const { code, message } = errorInfo(thrown)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return TOO_LARGE
  const status = (thrown as { readonly statusCode?: number }).statusCode ?? FIRST_SERVER_STATUS
  if (status < FIRST_SERVER_STATUS) return problem(status, { message: 'Bad Request', detail: message })
  log.error('a request could not be taken', { error: errorInfo(thrown) })
  return INTERNAL_ERROR
}
