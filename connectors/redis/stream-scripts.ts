/**
 * What happens to a stream's entries in Redis, for one group. Each script is one step. An entry that was taken and is not
 * settled stands in the group's pending list at all times: under its reader, or under a consumer that is nobody, where it
 * waits to be taken again.
 *
 *   new ── take ──▶ pending of a reader ── settle: done ──▶ acknowledged
 *                     ▲            │ settle: back, later · leave · a dead reader's are retired
 *                     └─ when due ─┴──────▶ pending of nobody, in `waiting`
 *
 * `waiting` has when each is due (0: at once), `notes` the `attempts firstSeen prior` of what was given back, `readers`
 * until when a reader counts as alive. Time is the server's. What waits is named by its id with zeros in front, so that
 * what is due at one time comes in the stream's order.
 *
 * Out of memory, Redis refuses a script's first write where that may take memory, and lets it go on after any other: each
 * begins with one that frees or moves something, so that a full server is read and settled on.
 */
import { keyPrefix } from './keys.ts'
import type { Script } from './script.ts'

export interface StreamKeys {
  readonly stream: string
  readonly waiting: string
  readonly notes: string
  readonly readers: string
}

export const streamKeys = (stream: string, group: string): StreamKeys => {
  const prefix = `${keyPrefix(stream)}${group}:`
  return { stream, waiting: `${prefix}waiting`, notes: `${prefix}notes`, readers: `${prefix}readers` }
}

/** What the names of Millrace's consumers begin with. */
export const READER = 'millrace-'
/** The consumer under which waits what no reader holds. */
export const NOBODY = 'millrace-nobody'

const COMMON = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function padded(id)
  local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
  return string.rep('0', 20 - #ms) .. ms .. '-' .. string.rep('0', 20 - #seq) .. seq
end
local function plain(name)
  local ms, seq = string.match(name, '^0*(%d+)%-0*(%d+)$')
  return ms .. '-' .. seq
end
local function noted(notes, id)
  local attempts, seen, prior = string.match(redis.call('HGET', notes, id) or '', '(%d+) (%d+) (%d+)')
  return attempts or '0', seen or text(now), prior or '0'
end
local function holds(stream, group, id, consumer)
  return #redis.call('XPENDING', stream, group, id, id, 1, consumer) > 0
end
local function park(stream, waiting, group, id, due)
  redis.call('XCLAIM', stream, group, '${NOBODY}', 0, id, 'JUSTID')
  redis.call('ZADD', waiting, due, padded(id))
end`

/**
 * KEYS stream waiting notes readers · ARGV group reader max maxBytes
 * Answers now, when the next of the waiting is due (empty: none), the stream's last id where there was nothing to take,
 * how many of the waiting were no longer in the stream, then id, note and fields of each; nothing at all to a reader that
 * was taken for dead. What was given back comes before what is new.
 */
export const TAKE: Script = {
  lua: `${COMMON}
local stream, waiting, notes, readers = unpack(KEYS)
local group, reader, max, maxBytes = unpack(ARGV)
max, maxBytes = tonumber(max), tonumber(maxBytes)
if not redis.call('ZSCORE', readers, reader) then return {} end
local answer, count, bytes, gone = {text(now), '', '', 0}, 0, 0, 0
local function add(id, note, fields)
  for at = 2, #fields, 2 do bytes = bytes + #fields[at] end
  count = count + 1
  table.insert(answer, id) table.insert(answer, note) table.insert(answer, fields)
end
local waits = true
while waits and count < max and bytes < maxBytes do
  local names = redis.call('ZRANGEBYSCORE', waiting, '-inf', now, 'LIMIT', 0, max - count)
  waits = #names > 0
  for _, name in ipairs(names) do
    if bytes >= maxBytes then break end
    local id = plain(name)
    redis.call('ZREM', waiting, name)
    -- Another program of the group may have claimed it. In a group that was made anew nobody holds it: hence FORCE.
    if holds(stream, group, id, '${NOBODY}') or #redis.call('XPENDING', stream, group, id, id, 1) == 0 then
      local entry = redis.call('XCLAIM', stream, group, reader, 0, id, 'FORCE')[1]
      if entry then add(id, redis.call('HGET', notes, id) or '', entry[2])
      else
        gone = gone + 1
        redis.call('XACK', stream, group, id)
        redis.call('HDEL', notes, id)
      end
    else redis.call('HDEL', notes, id) end
  end
end
-- Never so many at once that what comes back, should they be large, fills the server's memory.
local step = 10
while count < max and bytes < maxBytes do
  local wanted = math.min(max - count, step)
  local found = redis.call('XREADGROUP', 'GROUP', group, reader, 'COUNT', wanted, 'STREAMS', stream, '>')
  local entries = found and found[1][2] or {}
  for _, entry in ipairs(entries) do
    if count > 0 and bytes >= maxBytes then park(stream, waiting, group, entry[1], 0)
    else add(entry[1], '', entry[2]) end
  end
  if #entries < wanted then break end
  step = math.floor((maxBytes - bytes) * count / math.max(bytes, 1)) + 1
end
if count == 0 then
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  answer[3] = last and last[1] or '0-0'
end
answer[2] = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')[2] or ''
answer[4] = gone
return answer`,
}

/**
 * KEYS waiting readers · ARGV reader. Answers now and when the next of the waiting is due (empty: none); nothing at all to
 * a reader that was taken for dead.
 */
export const WATCH: Script = {
  lua: `${COMMON}
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {} end
return {text(now), redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or ''}`,
}

/**
 * KEYS stream waiting notes readers · ARGV group reader keep|remove count, so many ids that are done, then of each other
 * one id, attempts, delay in ms and first seen; attempts are `same` for what comes back as it was noted.
 * Answers how many of those that come back are in the stream no more, or -1 to a reader that was taken for dead: then
 * nothing was settled. What comes back and is not held by this reader is left alone: a verdict whose answer was lost is
 * told again, when another one may have the entry.
 */
export const SETTLE: Script = {
  lua: `${COMMON}
local stream, waiting, notes, readers = unpack(KEYS)
local group, reader, after, count = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if not redis.call('ZSCORE', readers, reader) then return -1 end
local areNotes = redis.call('EXISTS', notes) == 1
for from = 5, 4 + count, 1000 do
  local ids = {unpack(ARGV, from, math.min(from + 999, 4 + count))}
  redis.call('XACK', stream, group, unpack(ids))
  if after == 'remove' then redis.call('XDEL', stream, unpack(ids)) end
  if areNotes then redis.call('HDEL', notes, unpack(ids)) end
end
local gone = 0
for at = 5 + count, #ARGV, 4 do
  local id, attempts, delay, seen = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  if holds(stream, group, id, reader) then
    local before, first, prior = noted(notes, id)
    if attempts == 'same' then attempts, seen = before, first end
    park(stream, waiting, group, id, delay > 0 and text(now + delay) or 0)
    redis.call('HSET', notes, id, attempts .. ' ' .. seen .. ' ' .. prior)
  elseif #redis.call('XRANGE', stream, id, id) == 0 then gone = gone + 1 end
end
return gone`,
}

/**
 * KEYS readers · ARGV reader leaseMs shared|alone. A reader begins to count as alive; where readers are to be alone, only
 * when there is no other: then it answers 0.
 */
export const JOIN: Script = {
  lua: `${COMMON}
if ARGV[3] == 'alone' and redis.call('ZCARD', KEYS[1]) > 0 then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], text(now + ARGV[2]), ARGV[1])
return 1`,
}

/** KEYS readers. Answers now and each reader with the end of its lease. */
export const LOOK: Script = {
  lua: `${COMMON}
return {text(now), unpack(redis.call('ZRANGE', KEYS[1], 0, 999, 'WITHSCORES'))}`,
}

/**
 * KEYS stream readers · ARGV group reader leaseMs. Renews a lease, and how long what the reader holds counts as idle, by
 * which other programs of the group tell what they may take. Answers as LOOK; nil to one taken for dead.
 */
export const BEAT: Script = {
  lua: `${COMMON}
local stream, readers = unpack(KEYS)
local group, reader, lease = unpack(ARGV)
if redis.call('ZREM', readers, reader) == 0 then return false end
redis.call('ZADD', readers, text(now + lease), reader)
local from = '-'
while true do
  local pending = redis.call('XPENDING', stream, group, from, '+', 1000, reader)
  if #pending == 0 then break end
  local ids = {}
  for at, entry in ipairs(pending) do ids[at] = entry[1] end
  table.insert(ids, 'JUSTID')
  redis.call('XCLAIM', stream, group, reader, 0, unpack(ids))
  from = '(' .. pending[#pending][1]
end
return {text(now), unpack(redis.call('ZRANGE', readers, 0, 999, 'WITHSCORES'))}`,
}

/**
 * KEYS stream waiting notes readers · ARGV group consumer left|over|gone|orphan idleMs. Gives back what a consumer holds,
 * or of one that is none of ours, what has been idle so long, as much as takes a moment; unless it left by itself each
 * claim counts as one that ended without a verdict. Answers how many they were, -1 when there is no such reader or its
 * lease was renewed meanwhile.
 */
export const RETIRE: Script = {
  lua: `${COMMON}
local stream, waiting, notes, readers = unpack(KEYS)
local group, consumer, how, idle = unpack(ARGV)
local lease = tonumber(redis.call('ZSCORE', readers, consumer) or '')
if how == 'orphan' then
  if lease then return -1 end
elseif not lease or (how == 'over' and lease > now) then return -1 end
redis.call('ZREM', readers, consumer)
local count = 0
-- What ours hold is limited by their credit. Others may have left a million behind, for which nobody is to wait.
local most = idle == '0' and math.huge or 5000
while count < most do
  local pending = redis.call('XPENDING', stream, group, 'IDLE', idle, '-', '+', 1000, consumer)
  if #pending == 0 then break end
  for _, entry in ipairs(pending) do
    local id = entry[1]
    local attempts, seen, prior = noted(notes, id)
    if how ~= 'left' then prior = text(prior + 1) end
    redis.call('HSET', notes, id, attempts .. ' ' .. seen .. ' ' .. prior)
    park(stream, waiting, group, id, 0)
    -- What was trimmed is no more claimed by anybody, and would be found again for ever.
    if holds(stream, group, id, consumer) then redis.call('XACK', stream, group, id) end
  end
  count = count + #pending
end
if how ~= 'orphan' or idle == '0' then redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer) end
return count`,
}

/** KEYS stream · ARGV group. Answers the oldest entry that a reader holds; nil when none does. What waits is not held. */
export const OLDEST: Script = {
  lua: `${COMMON}
local oldest = false
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local name = consumer[2]
  local first = name ~= '${NOBODY}' and redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, name)[1]
  if first and (not oldest or padded(first[1]) < padded(oldest)) then oldest = first[1] end
end
return oldest`,
}
