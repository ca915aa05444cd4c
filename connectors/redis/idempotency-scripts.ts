/**
 * Idempotency keys in Redis: what happens to a whole batch of them, as one step. A key's value is
 *
 *   state 1 │ fence 16 │ length of owner 4 │ owner │ lease until 13 │ length of fingerprint 2 │ fingerprint │ result
 *
 * in bytes, so that who holds it is one comparison. A claim that is over stays for a while: its fence is to rise. Time is the
 * server's, the same for everybody.
 *
 * What there is for each key comes as one text where all have the same length, which is the usual case: an argument for
 * each costs both sides more than cutting it.
 */
import type { Script } from './script.ts'

/** Of what stands before the owner. */
export const HEAD_BYTES = 21

/** What there is for the key i: `ARGV[first]` is the length of each in the one text that follows, or 0: one follows for each. */
const EACH = (first: number): string => `
local sub, call = string.sub, redis.call
local each, packed = tonumber(ARGV[${first}]), ARGV[${first + 1}]
local function forKey(i)
  if each > 0 then return sub(packed, (i - 1) * each + 1, i * each) end
  return ARGV[${first} + i]
end`

/**
 * KEYS: those to claim. ARGV: owner, the length of that in 4 digits, lease in ms, how long its fence is remembered in ms,
 * then fingerprints, the length before each in 2 digits. The reply: the fence that most of them got, a letter for each, and what
 * there is to say of those that are not `c`:
 *
 *   c claimed · C claimed with a fence of its own · d done, the value · b busy, ms left · u unreadable
 */
export const CLAIM: Script = {
  lua: `${EACH(5)}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local newest = time[1] * 1000000 + time[2]
local lease = tonumber(ARGV[3])
local fence = string.format('%016.0f', newest)
local tail = ARGV[2] .. ARGV[1] .. string.format('%013.0f', now + lease)
local px = string.format('%.0f', lease + ARGV[4])
local usual = 'c' .. fence .. tail
local letters, more = {}, {}
local function claim(key, fingerprint)
  if call('SET', key, usual .. fingerprint, 'PX', px, 'NX') then return 'c' end
  local got = redis.pcall('GET', key)
  local state = type(got) == 'string' and string.match(got, '^([cdf])%d+')
  local before = state and tonumber(sub(got, 2, 17))
  local ownerEnd = state and ${HEAD_BYTES} + (tonumber(sub(got, 18, 21)) or 0)
  -- All digits of it: of a value that was cut, fewer would be a lease that is over.
  local digits = state and sub(got, ownerEnd + 1, ownerEnd + 15)
  local leased = digits and string.match(digits, '^%d+$') and #digits == 15 and tonumber(sub(digits, 1, 13))
  if not before or not leased then return 'u' end
  if state == 'd' then more[#more + 1] = got return 'd' end
  if state == 'c' and leased > now then more[#more + 1] = string.format('%.0f', leased - now) return 'b' end
  local own, letter = fence, 'c'
  if before >= newest then
    letter = 'C'
    own = string.format('%016.0f', before + 1)
    more[#more + 1] = own
  end
  call('SET', key, 'c' .. own .. tail .. fingerprint, 'PX', px)
  return letter
end
for i, key in ipairs(KEYS) do letters[i] = claim(key, forKey(i)) end
return { fence, table.concat(letters), unpack(more) }
`,
}

/**
 * KEYS: those to write, all of one owner and in one way. ARGV: the owner with its length in 4 digits before it, \`d\` (complete),
 * \`f\` (release) or \`r\` (renew), for how many ms that is, how long a fence is remembered in ms, then for each its fence in 16
 * digits and, to complete, its fingerprint with its length, and its result. The reply: \`h\` or \`l\` for each, held or lost.
 */
export const WRITE: Script = {
  lua: `${EACH(5)}
local owner, kind, ms = ARGV[1], ARGV[2], ARGV[3]
local headEnd = 17 + #owner
local px = string.format('%.0f', kind == 'd' and ms or ms + ARGV[4])
local until_
if kind == 'r' then
  local time = redis.call('TIME')
  until_ = string.format('%013.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ms)
end
local function become(value, wanted)
  if kind == 'd' then return 'd' .. sub(value, 2, headEnd + 13) .. sub(wanted, 17) end
  if kind == 'f' then return 'f' .. sub(value, 2) end
  return sub(value, 1, headEnd) .. until_ .. sub(value, headEnd + 14)
end
local letters = {}
local got
for i, key in ipairs(KEYS) do
  -- By the hundred: a call for each would cost more than all that is done with it.
  local at = (i - 1) % 100 + 1
  if at == 1 then got = call('MGET', unpack(KEYS, i, math.min(i + 99, #KEYS))) end
  local value, wanted = got[at], forKey(i)
  local letter = 'l'
  if value then
    local held = sub(wanted, 1, 16) .. owner
    if sub(value, 2, headEnd) == held then
      local state = sub(value, 1, 1)
      if state == 'c' or state == kind then
        letter = 'h'
        call('SET', key, become(value, wanted), 'PX', px)
      end
    end
  end
  letters[i] = letter
end
return table.concat(letters)
`,
}
