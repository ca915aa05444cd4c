/**
 * Idempotency keys in PostgreSQL: a whole batch is one statement. Time is the server's, in milliseconds since the epoch;
 * rows are locked in the order of their keys, so that two batches never wait for each other.
 */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
const NEWEST_FENCE = '(extract(epoch FROM clock_timestamp()) * 1000000)::bigint'

export const TABLE = 'millrace_idempotency'

export const CREATE = `
CREATE TABLE IF NOT EXISTS ${TABLE} (
  key text COLLATE "C" PRIMARY KEY,
  state text NOT NULL,
  owner text NOT NULL,
  fence bigint NOT NULL,
  lease_until bigint NOT NULL,
  expires_at bigint NOT NULL,
  fingerprint text NOT NULL,
  result text NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX IF NOT EXISTS ${TABLE}_expires ON ${TABLE} (expires_at)`

export const EXISTS = `SELECT to_regclass('${TABLE}') IS NOT NULL AS exists`

/**
 * $1 keys, $2 fingerprints, $3 owner, $4 lease in ms, $5 how long a fence is remembered in ms. What somebody else has taken
 * while this waited for them is not in its snapshot: such a row shows what was before, or nothing.
 */
export const CLAIM = `
WITH asked AS (SELECT key, fingerprint, n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (key, fingerprint, n)),
taken AS (
  INSERT INTO ${TABLE} AS r (key, state, owner, fence, lease_until, expires_at, fingerprint, result)
  SELECT key, 'claimed', $3, ${NEWEST_FENCE}, ${NOW} + $4::bigint, ${NOW} + $4::bigint + $5::bigint, fingerprint, ''
  FROM asked ORDER BY key COLLATE "C"
  ON CONFLICT (key) DO UPDATE SET state = 'claimed', owner = excluded.owner, fence = greatest(excluded.fence, r.fence + 1),
    lease_until = excluded.lease_until, expires_at = excluded.expires_at, fingerprint = excluded.fingerprint, result = ''
  WHERE r.state = 'free' OR (r.state = 'claimed' AND r.lease_until <= ${NOW}) OR (r.state = 'done' AND r.expires_at <= ${NOW})
  RETURNING key, fence
)
SELECT taken.fence::float8 AS fence, r.state, r.fingerprint, r.result, (r.lease_until - ${NOW})::float8 AS left_ms
FROM asked LEFT JOIN taken USING (key) LEFT JOIN ${TABLE} r ON r.key = asked.key AND taken.key IS NULL
ORDER BY asked.n`

/** $1 keys, $2 owners, $3 fences, $4 kinds, $5 ms, $6 fingerprints, $7 results, $8 how long a fence is remembered. */
export const WRITE = `
WITH asked AS (
  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[])
    WITH ORDINALITY AS t (key, owner, fence, kind, ms, fingerprint, result, n)
),
locked AS MATERIALIZED (
  SELECT r.key FROM ${TABLE} r WHERE r.key = ANY ($1::text[]) ORDER BY r.key FOR UPDATE
)
UPDATE ${TABLE} r SET
  state = CASE asked.kind WHEN 'complete' THEN 'done' WHEN 'release' THEN 'free' ELSE 'claimed' END,
  lease_until = CASE asked.kind WHEN 'renew' THEN ${NOW} + asked.ms ELSE r.lease_until END,
  expires_at = ${NOW} + asked.ms + CASE asked.kind WHEN 'complete' THEN 0 ELSE $8::bigint END,
  fingerprint = CASE asked.kind WHEN 'complete' THEN asked.fingerprint ELSE r.fingerprint END,
  result = CASE asked.kind WHEN 'complete' THEN asked.result ELSE r.result END
FROM asked JOIN locked USING (key)
WHERE r.key = asked.key AND r.owner = asked.owner AND r.fence = asked.fence
  AND (r.state = 'claimed' OR (r.state = 'done' AND asked.kind = 'complete') OR (r.state = 'free' AND asked.kind = 'release'))
RETURNING asked.n::int AS n`

export const SHOW = `SELECT state, owner, fence::float8 AS fence, fingerprint, result,
  (lease_until - ${NOW})::float8 AS left_ms, (expires_at - ${NOW})::float8 AS expires_in_ms FROM ${TABLE} WHERE key = $1`

export const REMOVE = `DELETE FROM ${TABLE} WHERE key = $1`

/** A claim that is over may be completed yet: it goes when its fence is forgotten. */
export const SWEEP = `DELETE FROM ${TABLE} WHERE key IN (
  SELECT key FROM ${TABLE} WHERE expires_at <= ${NOW} LIMIT $1 FOR UPDATE SKIP LOCKED)`
