/** Seeds that once found something, with what it was: they run with the fast tests, whatever else is drawn. */
export const REGRESSIONS: readonly (readonly [seed: number, found: string])[] = [
  [16, 'credit was given out while a source that hung was being closed'],
  [18, 'a record that the filter cannot read was parked while those before it in its lane still ran'],
  [51, 'resume overtook pause, and the source stayed paused'],
  [57, 'a key ran twice at once after the retry of its last record'],
  [76, 'a record that was given back behind the head of its lane was parked, came again and ran'],
  [89, 'records of a key that stopped behind a dead letter ran'],
  [95, 'the head of a key was the only probe of an open breaker, for ever'],
  [111, 'innocent suspects ran beside the one that ends the process, and were parked as crashed'],
  [112, 'the charge made before a suspect ran stayed when the process ended after it had succeeded'],
  [147, 'a source that was being reopened was polled without end at one moment'],
  [164, 'a stop did not wait for verdicts longer than drainTimeout, and attempts were forgotten'],
  [221, 'a lone poisonous record kept the breaker open, and nothing else was asked for'],
  [668, 'a record on its way back to the source was overtaken by the next one of its lane'],
  [786, 'replays that were claimed beside one that ends the process were parked as crashed, and never tried'],
  [1043, 'a suspect was charged for what an ordinary neighbour did, and parked as crashed'],
  [1181, 'replays whose source was reopened three times were parked as crashed, though no process had ended'],
  [2293, 'two looks at what had stopped overtook each other, and a retry came before its time'],
  [
    13264,
    'a suspect whose claim was lost while it ran came again with the charge of that run, and was parked as crashed',
  ],
]
