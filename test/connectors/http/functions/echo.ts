import type { FunctionRequest } from 'millrace'

export const handler = ({ body, params, headers }: FunctionRequest) =>
  new Response(body as Uint8Array<ArrayBuffer>, {
    headers: { 'x-id': params.id ?? '', 'x-a': headers.get('x-a') ?? '' },
  })
