export const handler = async ([event]: readonly { readonly id: string; readonly data: unknown }[]) => ({
  id: event?.id,
  data: event?.data,
})
