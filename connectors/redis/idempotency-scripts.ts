/**
 * Idempotency keys in Redis: what happens to a whole batch of them, as one step. A key's value is
 *
 *   state 1 │ fence 16 │ lease until 13 │ length of fingerprint 2 │ length of owner 4 │ fingerprint │ owner │ result
 *
 * in bytes, so that a script cuts it without parsing. A claim that is over stays for a while: its fence is to rise. Time is
 * the server's, the same for everybody.
 */
import type { Script } from './script.ts'

/** Of what stands before the fingerprint. */
export const HEAD_BYTES = 36

/**
 * KEYS: those to claim. ARGV: owner, lease in ms, how long its fence is remembered in ms, then a fingerprint for each. The
 * reply: the fence that most of them got, a letter for each, and what there is to say of those that are not `c`:
 *
 *   c claimed · C claimed with a fence of its own · d done, the value · b busy, ms left · u unreadable
 */
export const CLAIM: Script = {
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local newest = time[1] * 1000000 + time[2]
local owner, lease = ARGV[1], tonumber(ARGV[2])
local until_ = string.format('%013.0f', now + lease)
local fence = string.format('%016.0f', newest)
local ownerBytes = string.format('%04d', #owner)
local px = string.format('%.0f', lease + ARGV[3])
local letters, more = {}, {}
for i, key in ipairs(KEYS) do
  local fingerprint = ARGV[3 + i]
  local got = redis.pcall('GET', key)
  local letter, own = 'c', fence
  if got then
    local state = type(got) == 'string' and #got >= ${HEAD_BYTES} and string.match(got, '^([cdf])%d+') and string.sub(got, 1, 1)
    local before = state and tonumber(string.sub(got, 2, 17))
    local leased = state and tonumber(string.sub(got, 18, 30))
    if not before or not leased then letter = 'u'
    elseif state == 'd' then letter = 'd'; more[#more + 1] = got
    elseif state == 'c' and leased > now then letter = 'b'; more[#more + 1] = string.format('%.0f', leased - now)
    elseif before >= newest then
      letter = 'C'
      own = string.format('%016.0f', before + 1)
      more[#more + 1] = own
    end
  end
  if letter == 'c' or letter == 'C' then
    redis.call('SET', key, 'c' .. own .. until_ .. string.format('%02d', #fingerprint) .. ownerBytes .. fingerprint .. owner, 'PX', px)
  end
  letters[i] = letter
end
return { fence, table.concat(letters), unpack(more) }
`,
}

/**
 * KEYS: those to write. ARGV: how long a fence is remembered in ms, then for each what its value is to be, with a state of
 * \`d\` (complete), \`f\` (release) or \`r\` (renew), and in place of its lease the milliseconds it is for. The reply: \`h\` or
 * \`l\` for each, held or lost.
 */
export const WRITE: Script = {
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local letters = {}
for i, key in ipairs(KEYS) do
  local wanted = ARGV[1 + i]
  local kind, ms = string.sub(wanted, 1, 1), tonumber(string.sub(wanted, 18, 30))
  local fingerprintBytes, ownerBytes = tonumber(string.sub(wanted, 31, 32)), tonumber(string.sub(wanted, 33, 36))
  local owner = string.sub(wanted, 37 + fingerprintBytes, 36 + fingerprintBytes + ownerBytes)
  local got = redis.pcall('GET', key)
  local letter = 'l'
  if type(got) == 'string' and #got >= ${HEAD_BYTES} and string.sub(got, 2, 17) == string.sub(wanted, 2, 17) then
    local state = string.sub(got, 1, 1)
    local from = 37 + (tonumber(string.sub(got, 31, 32)) or 0)
    local to = from + (tonumber(string.sub(got, 33, 36)) or 0) - 1
    if string.sub(got, from, to) == owner and (state == 'c' or state == kind) then
      letter = 'h'
      if kind == 'd' then
        redis.call('SET', key, 'd' .. string.sub(wanted, 2, 17) .. '0000000000000' .. string.sub(wanted, 31), 'PX', string.format('%.0f', ms))
      elseif kind == 'r' then
        redis.call('SET', key, 'c' .. string.sub(got, 2, 17) .. string.format('%013.0f', now + ms) .. string.sub(got, 31), 'PX', string.format('%.0f', ms + ARGV[1]))
      else
        redis.call('SET', key, 'f' .. string.sub(got, 2), 'PX', ARGV[1])
      end
    end
  end
  letters[i] = letter
end
return table.concat(letters)
`,
}
