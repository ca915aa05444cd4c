/** `millrace/cloudevents`: a receiver of CloudEvents over HTTP, as a value. */
export { type CloudEventsConnection, cloudEvents } from './channel.ts'
