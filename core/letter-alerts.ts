/** Alerts on dead letters as the configuration wants them: posted to a URL, or given to a function. */
import { type AlertRule, type Alerts, createAlerts } from '../dlq/alerts.ts'
import type { AlarmStore } from '../dlq/store.ts'
import type { Clock } from './clock.ts'
import type { AlertTarget, AlertValues } from './config/alert-options.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import { resolveSecrets, reveal, type SecretPlaces } from './config/secret.ts'
import type { Log } from './log.ts'

export interface AlertParts {
  readonly clock: Clock
  readonly log: Log
  readonly secrets: SecretPlaces
  /** As it is now. */
  readonly config: () => ResolvedConfig
}

export const alertsOf = (store: AlarmStore, { clock, log, secrets, config }: AlertParts): Alerts =>
  createAlerts(store, {
    app: config().name,
    clock,
    log,
    rules: () => config().deadLetters.alerts.map(values => ruleOf(values, secrets)),
  })

const ruleOf = ({ to, newFailure, rate, olderThan }: AlertValues, secrets: SecretPlaces): AlertRule => ({
  send: sendTo(to, secrets),
  newFailure,
  rate,
  olderThanMs: olderThan,
})

const sendTo = (to: AlertTarget | undefined, secrets: SecretPlaces): AlertRule['send'] => {
  if (typeof to === 'function') return async alert => void (await to(alert))
  return async (alert, signal) => {
    const url = reveal(resolveSecrets(to ?? '', 'deadLetters.alerts.to', secrets))
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(alert), signal, redirect: 'error' })
    await answer.body?.cancel()
    // The URL may hold a secret, so it is not said.
    if (!answer.ok) throw new Error(`the receiver answered ${answer.status}`)
  }
}
