/**
 * The tables of dead letters. State is small and changes often, a letter's text and body are large and hardly ever
 * change: they lie apart, because SQLite rewrites a whole row for one changed column.
 */

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
  // Replays are jobs that take letters as they go; letters can be archived and quarantined, and are counted by group.
  `
  DROP TRIGGER dead_letters_added;
  DROP TRIGGER dead_letters_moved;
  DROP TRIGGER dead_letters_removed;
  DROP TABLE dead_letter_counts;
  DROP INDEX dead_letters_unresolved;
  DROP INDEX dead_letters_of_mapping;
  DROP INDEX dead_letters_by_state;
  DROP INDEX dead_letters_by_mapping_and_state;
  DROP INDEX dead_letters_resolved;

  -- Whether lists show it without being asked: not once it is resolved or archived.
  ALTER TABLE dead_letters ADD COLUMN listed INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE dead_letters ADD COLUMN record_key TEXT;
  -- Since when it has been open, without a break.
  ALTER TABLE dead_letters ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE dead_letters ADD COLUMN first_parked_at INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE dead_letters ADD COLUMN job TEXT;
  ALTER TABLE dead_letters ADD COLUMN note TEXT;
  ALTER TABLE dead_letters ADD COLUMN archived_at INTEGER;
  ALTER TABLE dead_letters ADD COLUMN body_file TEXT;

  CREATE TABLE replay_jobs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL,
    selection TEXT NOT NULL,
    target TEXT NOT NULL,
    -- The last letter there was when the job was made: later ones are not part of it.
    mark TEXT NOT NULL,
    rate REAL,
    -- From when on the rate allows letters, in milliseconds since the epoch.
    rate_from REAL NOT NULL DEFAULT 0,
    concurrency INTEGER,
    canary INTEGER,
    stop_at REAL,
    stopped_because TEXT
  ) WITHOUT ROWID;
  CREATE INDEX replay_jobs_live ON replay_jobs (state, id) WHERE state IN ('running', 'paused');
  CREATE TABLE replay_parts (
    job TEXT NOT NULL,
    mapping TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    cursor TEXT NOT NULL,
    selected INTEGER NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    resolved INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    -- Taken and given back by a job that was cancelled or stopped.
    returned INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    lease_until INTEGER,
    PRIMARY KEY (job, mapping, source)
  ) WITHOUT ROWID;
  CREATE INDEX replay_parts_live ON replay_parts (mapping, source, job) WHERE state <> 'done';
  CREATE TABLE letter_replays (
    letter TEXT NOT NULL, job TEXT NOT NULL, at INTEGER NOT NULL, outcome TEXT NOT NULL, message TEXT,
    PRIMARY KEY (letter, at, job)
  ) WITHOUT ROWID;
  CREATE TABLE letter_audit (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, operator TEXT NOT NULL, action TEXT NOT NULL,
    subject TEXT NOT NULL, detail TEXT NOT NULL, reason TEXT NOT NULL
  );
  CREATE INDEX letter_audit_of ON letter_audit (subject, number);

  INSERT INTO replay_jobs (id, state, created_at, operator, reason, selection, target, mark)
    SELECT 'before', 'running', min(requested_at), '', 'requested before an upgrade', '{"ids":[]}',
      '{"kind":"function"}', max(id)
    FROM dead_letters WHERE state IN ('requested', 'replaying') HAVING count(*) > 0;
  INSERT INTO replay_parts (job, mapping, source, state, cursor, selected, taken)
    SELECT 'before', mapping, source, 'taken', max(id), count(*), count(*)
    FROM dead_letters WHERE state IN ('requested', 'replaying') GROUP BY mapping, source;
  UPDATE dead_letters SET state = 'replaying', job = 'before' WHERE state IN ('requested', 'replaying');
  UPDATE dead_letters SET opened_at = parked_at, first_parked_at = parked_at, listed = (state <> 'resolved'),
    record_key = (SELECT CASE json_type(envelope, '$.record.key')
        WHEN 'text' THEN 's:' || json_extract(envelope, '$.record.key')
        WHEN 'object' THEN 'b:' || json_extract(envelope, '$.record.key."$bytes"') END
      FROM dead_letter_texts WHERE dead_letter_texts.id = dead_letters.id AND json_valid(envelope));

  CREATE INDEX dead_letters_listed ON dead_letters (id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_mapping ON dead_letters (mapping, id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_function ON dead_letters (function, id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_error ON dead_letters (error_name, id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_fingerprint ON dead_letters (fingerprint, id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_key ON dead_letters (record_key, id) WHERE listed = 1 AND record_key IS NOT NULL;
  CREATE INDEX dead_letters_in_state ON dead_letters (state, id) WHERE state <> 'open';
  CREATE INDEX dead_letters_resolved ON dead_letters (resolved_at) WHERE state = 'resolved';
  CREATE INDEX dead_letters_archived ON dead_letters (archived_at) WHERE state = 'archived';
  CREATE INDEX dead_letters_of_job ON dead_letters (job) WHERE job IS NOT NULL;
  CREATE INDEX dead_letters_files ON dead_letters (body_file) WHERE body_file IS NOT NULL;

  CREATE TABLE letter_groups (
    mapping TEXT NOT NULL, source TEXT NOT NULL, function TEXT NOT NULL, error_name TEXT NOT NULL,
    fingerprint TEXT NOT NULL, day INTEGER NOT NULL, state TEXT NOT NULL,
    letters INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, error_message TEXT NOT NULL,
    PRIMARY KEY (mapping, source, function, error_name, fingerprint, day, state)
  ) WITHOUT ROWID;
  CREATE INDEX letter_groups_by_fingerprint ON letter_groups (fingerprint);
  INSERT INTO letter_groups SELECT mapping, source, function, error_name, fingerprint, first_parked_at / 86400000, state,
    count(*), min(first_parked_at), max(parked_at), max(error_message) FROM dead_letters GROUP BY 1, 2, 3, 4, 5, 6, 7;

  CREATE TRIGGER dead_letters_added AFTER INSERT ON dead_letters BEGIN
    INSERT INTO letter_groups VALUES (new.mapping, new.source, new.function, new.error_name, new.fingerprint,
        new.first_parked_at / 86400000, new.state, 1, new.first_parked_at, new.parked_at, new.error_message)
      ON CONFLICT DO UPDATE SET letters = letters + 1, last_at = max(last_at, excluded.last_at);
  END;
  CREATE TRIGGER dead_letters_moved AFTER UPDATE OF state, function, error_name, fingerprint, parked_at ON dead_letters
    WHEN old.state <> new.state OR old.function <> new.function OR old.error_name <> new.error_name
      OR old.fingerprint <> new.fingerprint OR old.parked_at <> new.parked_at BEGIN
    UPDATE letter_groups SET letters = letters - 1 WHERE mapping = old.mapping AND source = old.source
      AND function = old.function AND error_name = old.error_name AND fingerprint = old.fingerprint
      AND day = old.first_parked_at / 86400000 AND state = old.state;
    INSERT INTO letter_groups VALUES (new.mapping, new.source, new.function, new.error_name, new.fingerprint,
        new.first_parked_at / 86400000, new.state, 1, new.first_parked_at, new.parked_at, new.error_message)
      ON CONFLICT DO UPDATE SET letters = letters + 1, first_at = min(first_at, excluded.first_at),
        last_at = max(last_at, excluded.last_at);
  END;
  CREATE TRIGGER dead_letters_removed AFTER DELETE ON dead_letters BEGIN
    UPDATE letter_groups SET letters = letters - 1 WHERE mapping = old.mapping AND source = old.source
      AND function = old.function AND error_name = old.error_name AND fingerprint = old.fingerprint
      AND day = old.first_parked_at / 86400000 AND state = old.state;
    DELETE FROM letter_groups WHERE mapping = old.mapping AND source = old.source
      AND function = old.function AND error_name = old.error_name AND fingerprint = old.fingerprint
      AND day = old.first_parked_at / 86400000 AND state = old.state AND letters <= 0;
    DELETE FROM dead_letter_texts WHERE id = old.id;
    DELETE FROM dead_letter_bodies WHERE id = old.id;
    DELETE FROM letter_replays WHERE letter = old.id;
  END;
  `,
  // Alerts that somebody has sent.
  'CREATE TABLE letter_alerts (name TEXT PRIMARY KEY, at INTEGER NOT NULL)',
]
