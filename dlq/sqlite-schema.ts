/**
 * The tables of dead letters. State is small and changes often, a letter's text and body are large and hardly ever
 * change: they lie apart, because SQLite rewrites a whole row for one changed column.
 */
import type { LetterState, LetterSummary } from './store.ts'

/** Appended to, never changed: every step has run somewhere. */
export const STEPS: readonly string[] = [
  `
  CREATE TABLE dead_letters (
    id TEXT PRIMARY KEY,
    mapping TEXT NOT NULL,
    source TEXT NOT NULL,
    record_id TEXT NOT NULL,
    -- The record's id while it tells duplicates: not for weak ids, and no longer once the letter is resolved.
    parked_id TEXT,
    state TEXT NOT NULL,
    function TEXT NOT NULL,
    reason TEXT NOT NULL,
    error_name TEXT NOT NULL,
    error_message TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    replays INTEGER NOT NULL DEFAULT 0,
    body_bytes INTEGER NOT NULL,
    record_time INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    parked_at INTEGER NOT NULL,
    requested_at INTEGER,
    resolved_at INTEGER,
    -- Of the current replay: due_at only while requested, owner and lease_until only while replaying.
    due_at INTEGER,
    replay_attempts INTEGER NOT NULL DEFAULT 0,
    claims INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    lease_until INTEGER
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX dead_letters_parked ON dead_letters (mapping, source, parked_id) WHERE parked_id IS NOT NULL;
  CREATE INDEX dead_letters_unresolved ON dead_letters (id) WHERE state <> 'resolved';
  CREATE INDEX dead_letters_of_mapping ON dead_letters (mapping, id) WHERE state <> 'resolved';
  CREATE INDEX dead_letters_by_state ON dead_letters (state, id);
  CREATE INDEX dead_letters_by_mapping_and_state ON dead_letters (mapping, state, id);
  CREATE INDEX dead_letters_due ON dead_letters (mapping, source, due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX dead_letters_leased ON dead_letters (mapping, source, owner) WHERE lease_until IS NOT NULL;
  CREATE INDEX dead_letters_resolved ON dead_letters (resolved_at) WHERE state = 'resolved';

  CREATE TABLE dead_letter_texts (id TEXT PRIMARY KEY, envelope TEXT NOT NULL);
  CREATE TABLE dead_letter_bodies (id TEXT PRIMARY KEY, body BLOB NOT NULL);

  CREATE TABLE dead_letter_counts (
    mapping TEXT NOT NULL, state TEXT NOT NULL, letters INTEGER NOT NULL, PRIMARY KEY (mapping, state)
  ) WITHOUT ROWID;
  CREATE TRIGGER dead_letters_added AFTER INSERT ON dead_letters BEGIN
    INSERT INTO dead_letter_counts VALUES (new.mapping, new.state, 1)
      ON CONFLICT (mapping, state) DO UPDATE SET letters = letters + 1;
  END;
  CREATE TRIGGER dead_letters_moved AFTER UPDATE OF state ON dead_letters WHEN old.state <> new.state BEGIN
    UPDATE dead_letter_counts SET letters = letters - 1 WHERE mapping = old.mapping AND state = old.state;
    INSERT INTO dead_letter_counts VALUES (new.mapping, new.state, 1)
      ON CONFLICT (mapping, state) DO UPDATE SET letters = letters + 1;
  END;
  CREATE TRIGGER dead_letters_removed AFTER DELETE ON dead_letters BEGIN
    UPDATE dead_letter_counts SET letters = letters - 1 WHERE mapping = old.mapping AND state = old.state;
    DELETE FROM dead_letter_texts WHERE id = old.id;
    DELETE FROM dead_letter_bodies WHERE id = old.id;
  END;

  CREATE TABLE remembered_attempts (
    mapping TEXT NOT NULL,
    source TEXT NOT NULL,
    record_id TEXT NOT NULL,
    attempts TEXT NOT NULL,
    remembered_at INTEGER NOT NULL,
    PRIMARY KEY (mapping, source, record_id)
  ) WITHOUT ROWID;
  CREATE INDEX remembered_attempts_by_age ON remembered_attempts (remembered_at);
  `,
  // Before which a record is not to be tried, in milliseconds since the epoch; null: at once.
  'ALTER TABLE remembered_attempts ADD COLUMN due_at INTEGER',
  // Lanes and keys that stopped behind a letter, until it is resolved or somebody says go on.
  `
  CREATE TABLE stopped_scopes (
    mapping TEXT NOT NULL, source TEXT NOT NULL, scope TEXT NOT NULL, letter TEXT NOT NULL,
    PRIMARY KEY (mapping, source, scope)
  ) WITHOUT ROWID;
  CREATE TRIGGER dead_letters_resolved_go_on AFTER UPDATE OF state ON dead_letters WHEN new.state = 'resolved' BEGIN
    DELETE FROM stopped_scopes WHERE mapping = new.mapping AND source = new.source AND letter = new.id;
  END;
  `,
  // Since when a record could only be tried free of charge, in milliseconds since the epoch.
  'ALTER TABLE remembered_attempts ADD COLUMN free_since INTEGER',
]

/** The columns of {@link LetterRow}. */
export const SUMMARY_COLUMNS = `id, state, mapping, function, source, record_id, reason, error_name, error_message,
  fingerprint, attempts, replays, body_bytes, first_seen, parked_at, requested_at, resolved_at`

export interface LetterRow {
  readonly id: string
  readonly state: LetterState
  readonly mapping: string
  readonly function: string
  readonly source: string
  readonly record_id: string
  readonly reason: LetterSummary['reason']
  readonly error_name: string
  readonly error_message: string
  readonly fingerprint: string
  readonly attempts: number
  readonly replays: number
  readonly body_bytes: number
  readonly first_seen: number
  readonly parked_at: number
  readonly requested_at: number | null
  readonly resolved_at: number | null
}

export const summaryOf = (row: LetterRow): LetterSummary => ({
  id: row.id,
  state: row.state,
  mapping: row.mapping,
  function: row.function,
  source: row.source,
  recordId: row.record_id,
  reason: row.reason,
  errorName: row.error_name,
  errorMessage: row.error_message,
  fingerprint: row.fingerprint,
  attempts: row.attempts,
  replays: row.replays,
  bodyBytes: row.body_bytes,
  firstSeen: row.first_seen,
  parkedAt: row.parked_at,
  ...(row.requested_at === null ? {} : { requestedAt: row.requested_at }),
  ...(row.resolved_at === null ? {} : { resolvedAt: row.resolved_at }),
})

/** What a replay that failed changes. */
export const OPEN_AGAIN = `state = 'open', replays = replays + 1, owner = NULL, lease_until = NULL, due_at = NULL,
  claims = 0, replay_attempts = 0`

/** A record's id as SQLite compares it: text with half a surrogate pair is not stored the same on every way in. */
export const storedId = (recordId: string): string => recordId.toWellFormed()
