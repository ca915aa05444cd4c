/** `millrace/http`: an HTTP server whose routes are channels. */
export { type DoorOptions, type HttpConnection, http, type RouteOptions } from './channel.ts'
