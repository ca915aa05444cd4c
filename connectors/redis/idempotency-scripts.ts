/**
 * Idempotency keys in Redis: what happens to a whole batch of them, as one step. A key's value is, in bytes,
 *
 *   state 1 │ fence 16 │ length of owner 4 │ owner │ lease until 13 │ ttl 12 │ lot 16 │ place 4 │ length of fingerprint 2 │ fingerprint │ result
 *
 * so that who holds it is one comparison. A claim that is over stays for a while: its fence is to rise. Time is the server's,
 * the same for everybody.
 *
 * Keys that are claimed together are a lot, and which of them are done is one text with a letter for each place: a batch is
 * completed by one SET. A key is done where its value says so, or says claimed while its lot says done; that it is still
 * there for as long as its lot, its claim has seen to. A key by itself has place 0 and no lot.
 *
 * What there is for each key comes as one text where all have the same length, which is the usual case: an argument for
 * each costs both sides more than cutting it.
 */
import type { Script } from './script.ts'

/** Of what stands before the owner. */
export const HEAD_BYTES = 21

/** Of what stands between the owner and the fingerprint. */
export const MIDDLE_BYTES = 47

/** A place has four digits. */
export const MAX_LOT = 9_999

const digits = (count: number): string => `(${'%d'.repeat(count)})`

/** What stands for the lot of a key that has none. */
export const NO_LOT = '-'.repeat(16)

/** As Lua has patterns: lease until, ttl and lot, and what else stands in the middle. Of a value that was cut, fewer digits are none. */
const SHARED = `^${digits(13)}${digits(12)}(${'.'.repeat(16)})`
const MIDDLE = `${SHARED}${digits(4)}%d%d$`

/** What there is for the key i: `ARGV[first]` is the length of each in the one text that follows, or 0: one follows for each. */
const EACH = (first: number): string => `
local sub, call, try, format = string.sub, redis.call, redis.pcall, string.format
local each = tonumber(ARGV[${first}])
-- The text that it is in, where it begins there, and its length.
local function forKey(i)
  if each > 0 then return ARGV[${first + 1}], (i - 1) * each, each end
  local text = ARGV[${first} + i]
  return text, 0, #text
end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/**
 * KEYS: those to claim. ARGV: owner, the length of that in 4 digits, lease in ms, how long its fence is remembered in ms, what
 * names of lots begin with, the lot of these, for how many ms that is kept when it is done (0: they are no lot), then
 * the place of each in 4 digits with the length of its fingerprint in 2 and that. The reply: the fence that most of them got, a letter for each, and what
 * there is to say of those that are not `c`:
 *
 *   c claimed · C claimed with a fence of its own · d done, the value · b busy, ms left · u unreadable
 */
export const CLAIM: Script = {
  lua: `${EACH(8)}
local newest = time[1] * 1000000 + time[2]
local lease, ttl = tonumber(ARGV[3]), tonumber(ARGV[7])
local fence = format('%016.0f', newest)
local tail = ARGV[2] .. ARGV[1] .. format('%013.0f%012.0f', now + lease, ttl) .. ARGV[6]
local px = format('%.0f', lease + math.max(ARGV[4], ttl))
local usual = 'c' .. fence .. tail
local letters, reply = {}, { fence, '' }
local function claim(key, rest)
  if call('SET', key, usual .. rest, 'PX', px, 'NX') then return 'c' end
  local got = try('GET', key)
  local state = type(got) == 'string' and string.match(got, '^([cdf])%d+')
  local before = state and tonumber(sub(got, 2, 17))
  local ownerEnd = before and ${HEAD_BYTES} + (tonumber(sub(got, 18, 21)) or 0)
  local leased, _, lot, place
  if ownerEnd then leased, _, lot, place = string.match(sub(got, ownerEnd + 1, ownerEnd + ${MIDDLE_BYTES}), '${MIDDLE}') end
  if not leased then return 'u' end
  if state == 'c' and place ~= '0000' then
    local done = try('GETRANGE', ARGV[5] .. lot, place - 1, place - 1)
    if type(done) == 'table' then return 'u' end
    if done == 'd' then state = 'd' end
  end
  if state == 'd' then reply[#reply + 1] = got return 'd' end
  local left = leased - now
  if state == 'c' and left > 0 then reply[#reply + 1] = format('%.0f', left) return 'b' end
  local own, letter = fence, 'c'
  if before >= newest then
    letter = 'C'
    own = format('%016.0f', before + 1)
    reply[#reply + 1] = own
  end
  call('SET', key, 'c' .. own .. tail .. rest, 'PX', px)
  return letter
end
for i, key in ipairs(KEYS) do
  local text, from, length = forKey(i)
  letters[i] = claim(key, sub(text, from + 1, from + length))
end
reply[2] = table.concat(letters)
return reply
`,
}

/**
 * KEYS: those to write, all of one owner and in one way. ARGV: the owner with its length in 4 digits before it, \`d\` (complete),
 * \`f\` (release) or \`r\` (renew), for how many ms that is, how long a fence is remembered in ms, what names of lots begin with,
 * then for each its fence in 16 digits and, to complete, its fingerprint with its length, and its result. The reply: \`h\` or
 * \`l\` for each, held or lost.
 *
 * A lot is for what is completed without a result, before its lease is over, and for as long as the claim said: then the
 * lot outlives the lease, and the key its lot.
 */
export const WRITE: Script = {
  lua: `${EACH(6)}
local owner, kind, ms, memory = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local headEnd = 17 + #owner
local lots, alike = {}, {}
local function lotOf(name)
  if not lots[name] then
    local done = try('GET', ARGV[5] .. name)
    local readable = type(done) ~= 'table'
    lots[name] = { done = readable and done or '', readable = readable, first = 0, last = 0 }
  end
  return lots[name]
end
-- What keys of one claim have in common: read once for all of them.
local function sharedOf(head)
  if not alike[head] then
    local leased, ttl, lot = string.match(sub(head, headEnd + 1), '${SHARED}')
    leased, ttl = tonumber(leased), tonumber(ttl) or 0
    local known = lot and lot ~= '${NO_LOT}' and lotOf(lot)
    local fits = known and known.readable and kind == 'd' and ms == ttl and now <= leased and leased <= now + ms
    local fence = sub(head, 18, headEnd) == owner and sub(head, 2, 17)
    alike[head] = { state = sub(head, 1, 1), fence = fence, ttl = ttl, lot = known, fits = fits }
  end
  return alike[head]
end
-- Places are added as runs: those of a batch are one.
local function keep(lot)
  local before = lot.done .. string.rep('-', lot.first - 1 - #lot.done)
  lot.done = sub(before, 1, lot.first - 1) .. string.rep('d', lot.last - lot.first + 1) .. sub(before, lot.last + 1)
end
local function add(lot, place)
  if lot.first > 0 and place == lot.last + 1 then
    lot.last = place
    return
  end
  if lot.first > 0 then keep(lot) end
  lot.first, lot.last = place, place
end
local function write(key, value, text, from, length)
  local shared = sharedOf(sub(value, 1, headEnd + 41))
  if shared.fence ~= sub(text, from + 1, from + 16) then return 'l' end
  local state = shared.state
  local place = state == 'c' and shared.lot and tonumber(sub(value, headEnd + 42, headEnd + 45))
  if place then
    if sub(shared.lot.done, place, place) == 'd' then return kind == 'd' and 'h' or 'l' end
    if shared.fits and length == 18 + sub(text, from + 17, from + 18) then
      add(shared.lot, place)
      return 'h'
    end
  end
  if state ~= 'c' and state ~= kind then return 'l' end
  local becomes, px = 'f' .. sub(value, 2), memory
  if kind == 'd' then
    becomes, px = 'd' .. sub(value, 2, headEnd + 45) .. sub(text, from + 17, from + length), ms
  end
  if kind == 'r' then
    becomes = sub(value, 1, headEnd) .. format('%013.0f', now + ms) .. sub(value, headEnd + 14)
    px = ms + math.max(memory, shared.ttl)
  end
  call('SET', key, becomes, 'PX', format('%.0f', px))
  return 'h'
end
local letters = {}
local got
for i, key in ipairs(KEYS) do
  -- By the hundred: a call for each would cost more than all that is done with it.
  local at = (i - 1) % 100 + 1
  if at == 1 then got = call('MGET', unpack(KEYS, i, math.min(i + 99, #KEYS))) end
  letters[i] = got[at] and write(key, got[at], forKey(i)) or 'l'
end
for name, lot in pairs(lots) do
  if lot.first > 0 then
    keep(lot)
    call('SET', ARGV[5] .. name, lot.done, 'PX', format('%.0f', ms))
  end
end
return table.concat(letters)
`,
}
