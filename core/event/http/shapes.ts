/** A request in the forms that functions take it in, where what they answer is what the caller gets. */
import type { InvokedRecord } from '../../engine/contract.ts'
import { cloudEventsShape } from '../cloudevents/shape.ts'
import { namedDecoder } from '../decode.ts'
import { toApiGatewayV2 } from '../lambda/api-gateway.ts'
import { readApiGatewayV2Answer } from '../lambda/api-gateway-answer.ts'
import { type Made, type Origin, type Shape, shapeOf } from '../shape.ts'
import { checkedText } from '../text.ts'
import { requestHeaders, requestProperties } from './received.ts'
import { FunctionRequest } from './request.ts'

/** The place of a channel of HTTP requests. */
export const HTTP_PLACE = 'http/route'

export const httpShape = (format: Origin['format']): Shape => SHAPES[format] ?? requestShape

const readAnswer: Shape['readAnswer'] = value => {
  const { problem, ...answer } = readApiGatewayV2Answer(value)
  return problem === undefined && 'response' in answer
    ? { ok: true, value: answer.response }
    : { ok: false, problem: problem ?? '' }
}

const only = (items: readonly unknown[]): unknown => items[0]

const apiGatewayShape = shapeOf<unknown>({
  holds: 'one',
  item: ({ record }) => {
    const { route, params, scheme: _, ...properties } = requestProperties(record)
    return {
      item: toApiGatewayV2({
        id: record.id,
        time: record.time,
        headers: requestHeaders(record),
        body: record.body,
        route: awsRoute(route),
        ...(params ? { pathParameters: awsParameters(params) } : {}),
        ...properties,
      }),
    }
  },
  event: only,
  readAnswer,
})

/** For functions that are no module of Node; those get the same as an object with more to it. */
const requestShape = shapeOf<FunctionRequest>({
  holds: 'one',
  item: (invoked, { codec }) => ownRequest(invoked, codec),
  event: only,
  readAnswer,
})

const ownRequest = (invoked: InvokedRecord, codec: Origin['codec']): Made<FunctionRequest> => {
  const { record } = invoked
  if (codec === 'custom') return { item: new FunctionRequest(invoked, record.body) }
  const decoded = namedDecoder(record.source, codec)(record.body, checkedText)
  if (decoded instanceof Promise) throw new TypeError(`the codec ${codec} answered with a promise`)
  return decoded.verdict ? { problem: decoded.error.message } : { item: new FunctionRequest(invoked, decoded.data) }
}

const SHAPES: Readonly<Partial<Record<Origin['format'], Shape>>> = {
  lambda: apiGatewayShape,
  cloudevents: { ...cloudEventsShape, readAnswer },
  request: requestShape,
}

/** `POST /files/*` is `POST /files/{proxy+}` at API Gateway, `:id` is `{id}`. */
const awsRoute = (route: string): string => route.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{proxy+}')

const awsParameters = ({ '*': rest, ...named }: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  rest === undefined ? named : { ...named, proxy: rest }
