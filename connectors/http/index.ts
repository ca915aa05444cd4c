/** `millrace/http`: an HTTP server whose routes are channels. */
export { type DoorOptions, type HttpConnection, http, type RouteOptions } from './channel.ts'
export { githubWebhooks, standardWebhooks, stripeWebhooks, type WebhookOptions } from './webhooks/schemes.ts'
export type { WebhookScheme } from './webhooks/verify.ts'
