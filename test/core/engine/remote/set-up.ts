/** A harness of one function that is behind HTTP, speaking Lambda's protocol. */
import type { TestContext } from 'node:test'
import type { FunctionSpec, RemoteCode } from '../../../../core/engine/contract.ts'
import { type Harness, harness } from '../harness.ts'
import { type Answer, type Endpoint, endpoint } from './server.ts'

export const remote = (url: string, more: Partial<RemoteCode> = {}): { code: RemoteCode } => ({
  code: { url, protocol: 'lambda', headers: {}, tls: {}, ...more },
})

export const setUp = async (
  context: TestContext,
  answer: Answer,
  spec: Partial<FunctionSpec> = {},
): Promise<Harness & { readonly at: Endpoint }> => {
  const at = await endpoint(context, answer)
  return { ...(await harness(context, { f: { ...remote(at.url), ...spec } })), at }
}
