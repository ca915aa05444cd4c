/**
 * What happens to the slots of a reader, as one step each. KEYS: the reader (a hash with `defined` and `last`), its slots (a
 * hash: slot → `due member attempts prior seen`, where `-` is no member), its members (a hash: member → until when it is
 * believed in, by the server's clock). Few slots are unfinished at once, so each step reads them all.
 */
import { SLOT_LEASE_MS } from '../../core/slots.ts'
import type { Script } from './script.ts'

const COMMON = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = function(number) return string.format('%.0f', number) end
local slots = function()
  local flat, found = redis.call('HGETALL', KEYS[2]), {}
  for i = 1, #flat, 2 do
    local due, member, attempts, prior, seen = string.match(flat[i + 1], '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
    found[#found + 1] = { slot = tonumber(flat[i]), due = tonumber(due), member = member, attempts = tonumber(attempts), prior = tonumber(prior), seen = tonumber(seen) }
  end
  table.sort(found, function(one, other) return one.slot < other.slot end)
  return found
end
local put = function(each)
  redis.call('HSET', KEYS[2], text(each.slot), text(each.due) .. ' ' .. each.member .. ' ' .. text(each.attempts) .. ' ' .. text(each.prior) .. ' ' .. text(each.seen))
end
`

/** ARGV: member, lease in ms, what the schedule is, now by the caller's clock. */
export const OPEN: Script = {
  lua: `${COMMON}
local last = tonumber(redis.call('HGET', KEYS[1], 'last') or ARGV[4])
if redis.call('HGET', KEYS[1], 'defined') ~= ARGV[3] then last = math.max(last, tonumber(ARGV[4])) end
redis.call('HSET', KEYS[1], 'defined', ARGV[3], 'last', text(last))
redis.call('HSET', KEYS[3], ARGV[1], text(now + ARGV[2]))
return {}
`,
}

/** ARGV: member, now by the caller's clock. The reply: last, whether any is ready, whether others hold some, how many, the oldest. */
export const LOOK: Script = {
  lua: `${COMMON}
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then redis.call('HSET', KEYS[3], ARGV[1], text(now + ${SLOT_LEASE_MS})) end
local ready, others, all = '0', '0', slots()
for _, each in ipairs(all) do
  if each.member == '-' then
    if each.due <= tonumber(ARGV[2]) then ready = '1' end
  elseif each.member ~= ARGV[1] then others = '1' end
end
return { redis.call('HGET', KEYS[1], 'last') or '0', ready, others, text(#all), all[1] and text(all[1].slot) or '' }
`,
}

/** ARGV: the last that is expected, the new one, overlap, how many at most, then slot and due of each. The reply: how many were left out, or \`late\`. */
export const ENTER: Script = {
  lua: `${COMMON}
if tonumber(redis.call('HGET', KEYS[1], 'last')) ~= tonumber(ARGV[1]) then return { 'late' } end
redis.call('HSET', KEYS[1], 'last', ARGV[2])
local unfinished, count = redis.call('HLEN', KEYS[2]), (#ARGV - 4) / 2
local from, to = 1, math.min(count, math.max(0, ARGV[4] - unfinished))
if ARGV[3] == 'skip' then
  from, to = count, count
  if unfinished > 0 then to = 0 end
end
for i = math.max(from, 1), to do
  redis.call('HSETNX', KEYS[2], ARGV[3 + 2 * i], ARGV[4 + 2 * i] .. ' - 0 0 0')
end
return { text(count - math.max(0, to - math.max(from, 1) + 1)) }
`,
}

/** ARGV: member, lease in ms, another name for it, now by the caller's clock, overlap, how many. The reply: the member, then slot, attempts, prior and seen of each. */
export const TAKE: Script = {
  lua: `${COMMON}
local gone, members = {}, redis.call('HGETALL', KEYS[3])
for i = 1, #members, 2 do
  if tonumber(members[i + 1]) < now then
    gone[members[i]] = true
    redis.call('HDEL', KEYS[3], members[i])
  end
end
local own = ARGV[1]
if redis.call('HEXISTS', KEYS[3], own) == 0 then own = ARGV[3] end
redis.call('HSET', KEYS[3], own, text(now + ARGV[2]))
local reply, left = { own }, tonumber(ARGV[6])
for i, each in ipairs(slots()) do
  if gone[each.member] then
    each.member, each.prior = '-', each.prior + 1
    put(each)
  end
  local may = left > 0 and each.member == '-' and each.due <= tonumber(ARGV[4]) and (ARGV[5] ~= 'queue' or i == 1)
  if may then
    each.member = own
    if each.seen == 0 then each.seen = tonumber(ARGV[4]) end
    put(each)
    left = left - 1
    for _, name in ipairs({ 'slot', 'attempts', 'prior', 'seen' }) do reply[#reply + 1] = text(each[name]) end
  end
end
return reply
`,
}

/** ARGV: slot, member, outcome, attempts and due of each. The reply: 1 or 0 for each, held or not. */
export const SETTLE: Script = {
  lua: `${COMMON}
local held, known = {}, {}
for _, each in ipairs(slots()) do known[each.slot] = each end
for i = 1, #ARGV, 5 do
  local each = known[tonumber(ARGV[i])]
  if not each or each.member ~= ARGV[i + 1] then held[#held + 1] = '0'
  else
    held[#held + 1] = '1'
    if ARGV[i + 2] == 'done' then redis.call('HDEL', KEYS[2], text(each.slot))
    else
      each.member, each.attempts, each.due = '-', tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
      put(each)
    end
  end
end
return held
`,
}

/** ARGV: member. What it holds is given back. */
export const LEAVE: Script = {
  lua: `${COMMON}
for _, each in ipairs(slots()) do
  if each.member == ARGV[1] then
    each.member = '-'
    put(each)
  end
end
redis.call('HDEL', KEYS[3], ARGV[1])
return {}
`,
}
