/**
 * The tables of dead letters in PostgreSQL, in a schema of their own. They are those of SQLite (dlq/sqlite/schema.ts says
 * what each column is for); times are double precision, which is exact for milliseconds and read as a number.
 */

export const SCHEMA = 'millrace'

/** Appended to, never changed: every step has run somewhere. */
export const STEPS: readonly string[] = [
  `
  CREATE TABLE dead_letters (
    id text COLLATE "C" PRIMARY KEY,
    mapping text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    record_id text NOT NULL,
    record_key text COLLATE "C",
    parked_id text COLLATE "C",
    state text NOT NULL,
    listed integer NOT NULL DEFAULT 1,
    function text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    error_name text COLLATE "C" NOT NULL,
    error_message text NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    attempts integer NOT NULL,
    replays integer NOT NULL DEFAULT 0,
    body_bytes integer NOT NULL,
    body_file text,
    record_time double precision NOT NULL,
    first_seen double precision NOT NULL,
    opened_at double precision NOT NULL,
    first_parked_at double precision NOT NULL,
    parked_at double precision NOT NULL,
    requested_at double precision,
    resolved_at double precision,
    archived_at double precision,
    due_at double precision,
    replay_attempts integer NOT NULL DEFAULT 0,
    claims integer NOT NULL DEFAULT 0,
    fence integer NOT NULL DEFAULT 0,
    owner text,
    lease_until double precision,
    job text,
    note text
  );
  CREATE UNIQUE INDEX dead_letters_parked ON dead_letters (mapping, source, parked_id) WHERE parked_id IS NOT NULL;
  CREATE INDEX dead_letters_listed ON dead_letters (id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_mapping ON dead_letters (mapping, id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_function ON dead_letters (function, id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_error ON dead_letters (error_name, id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_fingerprint ON dead_letters (fingerprint, id) WHERE listed = 1;
  CREATE INDEX dead_letters_by_key ON dead_letters (record_key, id) WHERE listed = 1 AND record_key IS NOT NULL;
  CREATE INDEX dead_letters_in_state ON dead_letters (state, id) WHERE state <> 'open';
  CREATE INDEX dead_letters_due ON dead_letters (mapping, source, due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX dead_letters_leased ON dead_letters (mapping, source) WHERE lease_until IS NOT NULL;
  CREATE INDEX dead_letters_resolved ON dead_letters (resolved_at) WHERE state = 'resolved';
  CREATE INDEX dead_letters_archived ON dead_letters (archived_at) WHERE state = 'archived';
  CREATE INDEX dead_letters_of_job ON dead_letters (job) WHERE job IS NOT NULL;

  CREATE TABLE dead_letter_texts (id text COLLATE "C" PRIMARY KEY, envelope text NOT NULL);
  CREATE TABLE dead_letter_bodies (id text COLLATE "C" PRIMARY KEY, body bytea NOT NULL);

  CREATE TABLE replay_jobs (
    id text COLLATE "C" PRIMARY KEY,
    state text NOT NULL,
    created_at double precision NOT NULL,
    ended_at double precision,
    operator text NOT NULL,
    reason text NOT NULL,
    selection text NOT NULL,
    target text NOT NULL,
    mark text COLLATE "C" NOT NULL,
    rate double precision,
    rate_from double precision NOT NULL DEFAULT 0,
    concurrency integer,
    canary integer,
    stop_at double precision,
    stopped_because text
  );
  CREATE TABLE replay_parts (
    job text COLLATE "C" NOT NULL,
    mapping text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    state text NOT NULL,
    cursor text COLLATE "C" NOT NULL,
    selected integer NOT NULL,
    taken integer NOT NULL DEFAULT 0,
    resolved integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    returned integer NOT NULL DEFAULT 0,
    owner text,
    lease_until double precision,
    PRIMARY KEY (job, mapping, source)
  );
  CREATE INDEX replay_parts_live ON replay_parts (mapping, source, job) WHERE state <> 'done';
  CREATE TABLE letter_replays (
    letter text COLLATE "C" NOT NULL, job text NOT NULL, at double precision NOT NULL, outcome text NOT NULL,
    message text, PRIMARY KEY (letter, at, job)
  );
  CREATE TABLE letter_audit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at double precision NOT NULL, operator text NOT NULL,
    action text NOT NULL, subject text NOT NULL, detail text NOT NULL, reason text NOT NULL
  );

  CREATE TABLE letter_groups (
    mapping text COLLATE "C" NOT NULL, source text COLLATE "C" NOT NULL, function text COLLATE "C" NOT NULL,
    error_name text COLLATE "C" NOT NULL, fingerprint text COLLATE "C" NOT NULL, day integer NOT NULL,
    state text COLLATE "C" NOT NULL, letters integer NOT NULL, first_at double precision NOT NULL,
    last_at double precision NOT NULL, error_message text NOT NULL,
    PRIMARY KEY (mapping, source, function, error_name, fingerprint, day, state)
  );
  CREATE INDEX letter_groups_by_fingerprint ON letter_groups (fingerprint);

  CREATE TABLE remembered_attempts (
    mapping text COLLATE "C" NOT NULL, source text COLLATE "C" NOT NULL, record_id text COLLATE "C" NOT NULL,
    attempts text NOT NULL, remembered_at double precision NOT NULL, due_at double precision,
    free_since double precision, PRIMARY KEY (mapping, source, record_id)
  );
  CREATE INDEX remembered_attempts_by_age ON remembered_attempts (remembered_at);
  CREATE TABLE stopped_scopes (
    mapping text COLLATE "C" NOT NULL, source text COLLATE "C" NOT NULL, scope text COLLATE "C" NOT NULL,
    letter text NOT NULL, PRIMARY KEY (mapping, source, scope)
  );

  CREATE FUNCTION count_letter(letter dead_letters) RETURNS void LANGUAGE sql AS $$
    INSERT INTO millrace.letter_groups AS known VALUES (letter.mapping, letter.source, letter.function,
        letter.error_name, letter.fingerprint, floor(letter.first_parked_at / 86400000), letter.state, 1,
        letter.first_parked_at, letter.parked_at, letter.error_message)
      ON CONFLICT (mapping, source, function, error_name, fingerprint, day, state) DO UPDATE
        SET letters = known.letters + 1, first_at = least(known.first_at, excluded.first_at),
          last_at = greatest(known.last_at, excluded.last_at)
  $$;
  CREATE FUNCTION uncount_letter(letter dead_letters) RETURNS void LANGUAGE sql AS $$
    UPDATE millrace.letter_groups SET letters = letters - 1 WHERE mapping = letter.mapping AND source = letter.source
      AND function = letter.function AND error_name = letter.error_name AND fingerprint = letter.fingerprint
      AND day = floor(letter.first_parked_at / 86400000) AND state = letter.state
  $$;
  CREATE FUNCTION letter_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM millrace.count_letter(new); RETURN NULL; END $$;
  CREATE FUNCTION letter_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM millrace.uncount_letter(old);
      PERFORM millrace.count_letter(new);
      IF new.state = 'resolved' THEN
        DELETE FROM millrace.stopped_scopes
          WHERE mapping = new.mapping AND source = new.source AND letter = new.id;
      END IF;
      RETURN NULL;
    END $$;
  CREATE FUNCTION letter_removed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM millrace.uncount_letter(old);
      DELETE FROM millrace.letter_groups WHERE mapping = old.mapping AND source = old.source
        AND function = old.function AND error_name = old.error_name AND fingerprint = old.fingerprint
        AND day = floor(old.first_parked_at / 86400000) AND state = old.state AND letters <= 0;
      DELETE FROM millrace.dead_letter_texts WHERE id = old.id;
      DELETE FROM millrace.dead_letter_bodies WHERE id = old.id;
      DELETE FROM millrace.letter_replays WHERE letter = old.id;
      RETURN NULL;
    END $$;
  CREATE TRIGGER dead_letters_added AFTER INSERT ON dead_letters FOR EACH ROW EXECUTE FUNCTION letter_added();
  CREATE TRIGGER dead_letters_moved AFTER UPDATE OF state, function, error_name, fingerprint, parked_at ON dead_letters
    FOR EACH ROW WHEN (old.state <> new.state OR old.function <> new.function OR old.error_name <> new.error_name
      OR old.fingerprint <> new.fingerprint OR old.parked_at <> new.parked_at) EXECUTE FUNCTION letter_moved();
  CREATE TRIGGER dead_letters_removed AFTER DELETE ON dead_letters FOR EACH ROW EXECUTE FUNCTION letter_removed();
  `,
  // Alerts that somebody has sent.
  'CREATE TABLE letter_alerts (name text COLLATE "C" PRIMARY KEY, at double precision NOT NULL)',
]
