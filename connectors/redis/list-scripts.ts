/**
 * What happens to a list's elements in Redis. Each script is one step: an element is in exactly one of these places
 * before it and after it, whoever dies in between.
 *
 *   <list> ──BLMOVE──▶ arrived ──┐ take                                 settle: done
 *      └─────────────────────────┴─────▶ records, notes, claims:<reader> ─────────────▶ gone
 *                                 ▲                       │ settle: back · leave · a dead reader's are reclaimed
 *                                 └─ take, once due ── waiting
 *
 * `records` has the bytes of all that was ever claimed and is not done, `notes` their `attempts firstSeen prior`,
 * `waiting` when they are due, `readers` until when a reader counts as alive. Time is the server's.
 *
 * When Redis is out of memory a script may still write once it has removed something: each removes first, so that a
 * full server is emptied rather than stuck.
 */
import type { RedisClient } from './connection.ts'
import { keyPrefix } from './keys.ts'
import type { Leases } from './reader.ts'
import type { Script } from './script.ts'

export interface ListKeys {
  readonly list: string
  readonly arrived: string
  readonly waiting: string
  readonly records: string
  readonly notes: string
  readonly readers: string
  claims(reader: string): string
}

export const listKeys = (list: string): ListKeys => {
  const prefix = keyPrefix(list)
  return {
    list,
    arrived: `${prefix}arrived`,
    waiting: `${prefix}waiting`,
    records: `${prefix}records`,
    notes: `${prefix}notes`,
    readers: `${prefix}readers`,
    claims: reader => `${prefix}claims:${reader}`,
  }
}

/** Where elements are taken: the end at which nobody pushes. */
export interface Ends {
  readonly from: 'LEFT' | 'RIGHT'
  readonly pop: 'LPOP' | 'RPOP'
  readonly giveBack: 'LPUSH' | 'RPUSH'
}

/** By the end at which producers push. */
export const ENDS: Readonly<Record<'left' | 'right', Ends>> = {
  left: { from: 'RIGHT', pop: 'RPOP', giveBack: 'RPUSH' },
  right: { from: 'LEFT', pop: 'LPOP', giveBack: 'LPUSH' },
}

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end`

/**
 * KEYS list arrived waiting records notes readers claims · ARGV reader max maxBytes LPOP|RPOP idPrefix firstNumber
 * Answers now, when the next of the waiting is due (empty: none), then id, note and element of each; nothing at all to
 * a reader that was taken for dead. What was given back comes before what is new.
 */
export const TAKE: Script = {
  lua: `${NOW}
local list, arrived, waiting, records, notes, readers, claims = unpack(KEYS)
local reader, max, maxBytes, pop, prefix, number = unpack(ARGV)
max, maxBytes, number = tonumber(max), tonumber(maxBytes), tonumber(number)
if not redis.call('ZSCORE', readers, reader) then return {} end
redis.call('LLEN', list)
local answer, bytes, count = {now, ''}, 0, 0
local function add(id, note, element)
  redis.call('SADD', claims, id)
  count, bytes = count + 1, bytes + #element
  table.insert(answer, id) table.insert(answer, note) table.insert(answer, element)
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', now, 'LIMIT', 0, max)) do
  if bytes >= maxBytes then break end
  redis.call('ZREM', waiting, id)
  local element, note = redis.call('HGET', records, id), redis.call('HGET', notes, id)
  if element and note then add(id, note, element) end
end
while count < max and bytes < maxBytes do
  local element = redis.call('LPOP', arrived) or redis.call(pop, list)
  if not element then break end
  local id, note = prefix .. string.format('%012d', number), '0 ' .. text(now) .. ' 0'
  number = number + 1
  redis.call('HSET', records, id, element)
  redis.call('HSET', notes, id, note)
  add(id, note, element)
end
answer[2] = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')[2] or ''
return answer`,
}

/**
 * KEYS records notes waiting readers claims · ARGV reader, then of each id, attempts and delay in ms; attempts are
 * `done` for what is to be removed, `same` for what comes back as it was.
 * Answers 1, or 0 to a reader that was taken for dead: then nothing was settled. What it does not hold is left alone.
 */
export const SETTLE: Script = {
  lua: `${NOW}
local records, notes, waiting, readers, claims = unpack(KEYS)
if not redis.call('ZSCORE', readers, ARGV[1]) then return 0 end
local done = {}
local function remove()
  if #done == 0 then return end
  redis.call('HDEL', records, unpack(done))
  redis.call('HDEL', notes, unpack(done))
  done = {}
end
for at = 2, #ARGV, 3 do
  local id, attempts, delay = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  if redis.call('SREM', claims, id) == 1 then
    if attempts == 'done' then
      table.insert(done, id)
      if #done == 500 then remove() end
    else
      local before, seen, prior = string.match(redis.call('HGET', notes, id) or '0 0 0', '(%d+) (%d+) (%d+)')
      if attempts == 'same' then attempts = before end
      redis.call('HSET', notes, id, attempts .. ' ' .. seen .. ' ' .. prior)
      redis.call('ZADD', waiting, delay > 0 and text(now + delay) or seen, id)
    end
  end
end
remove()
return 1`,
}

/** KEYS readers · ARGV reader leaseMs. A reader begins to count as alive. */
const JOIN: Script = {
  lua: `${NOW}
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], text(now + ARGV[2]), ARGV[1])
return 1`,
}

/** KEYS readers · ARGV reader leaseMs. Answers now and each reader with the end of its lease; nil to one taken for dead. */
const BEAT: Script = {
  lua: `${NOW}
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return false end
redis.call('ZADD', KEYS[1], text(now + ARGV[2]), ARGV[1])
return {text(now), unpack(redis.call('ZRANGE', KEYS[1], 0, 999, 'WITHSCORES'))}`,
}

/**
 * KEYS readers claims waiting notes · ARGV reader left|over|gone. Gives back what a reader holds; for one that did not
 * leave by itself, each claim counts as one that ended without a verdict. Answers how many they were, -1 when there is
 * no such reader or its lease was renewed meanwhile.
 */
const RETIRE: Script = {
  lua: `${NOW}
local readers, claims, waiting, notes = unpack(KEYS)
local reader, how = unpack(ARGV)
local lease = tonumber(redis.call('ZSCORE', readers, reader) or '')
if not lease or (how == 'over' and lease > now) then return -1 end
redis.call('ZREM', readers, reader)
local ids = redis.call('SMEMBERS', claims)
redis.call('DEL', claims)
for _, id in ipairs(ids) do
  local attempts, seen, prior = string.match(redis.call('HGET', notes, id) or '0 0 0', '(%d+) (%d+) (%d+)')
  if how ~= 'left' then prior = text(prior + 1) end
  redis.call('HSET', notes, id, attempts .. ' ' .. seen .. ' ' .. prior)
  redis.call('ZADD', waiting, seen, id)
end
return #ids`,
}

/** KEYS arrived list · ARGV LPUSH|RPUSH, at the end where elements are taken. What came to nobody goes back in its order. */
export const RETURN: Script = {
  lua: `
local count = 0
while true do
  local element = redis.call('RPOP', KEYS[1])
  if not element then return count end
  redis.call(ARGV[1], KEYS[2], element)
  count = count + 1
end`,
}

/** Of the readers of a list, none of whom is ever alone. */
export const listLeases = (commands: RedisClient, keys: ListKeys, leaseMs: number): Leases => ({
  async join(id) {
    await commands.run(JOIN, [keys.readers], [id, leaseMs])
    return 'joined'
  },
  async beat(id) {
    const table = (await commands.run(BEAT, [keys.readers], [id, leaseMs])) as readonly Buffer[] | null
    return table?.map(String)
  },
  retire: async (id, how) =>
    Number(await commands.run(RETIRE, [keys.readers, keys.claims(id), keys.waiting, keys.notes], [id, how])),
})
