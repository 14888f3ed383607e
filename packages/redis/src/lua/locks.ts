/** Locks. L<name> is one: h holder, t token, a about, at when it was taken, x end of its lease; M has all by that end. */

/** acquireLock. Request: { name, holder, ttl ms, about }. Answer: { 'a', token } or { 'h', its lease ends in }. */
export const ACQUIRE_LOCK: string = String.raw`
local name, key = IN[1], P .. 'L' .. IN[1]
for _, lapsed in ipairs(call('ZRANGEBYSCORE', P .. 'M', '-inf', NOW, 'LIMIT', 0, 100)) do
  call('DEL', P .. 'L' .. lapsed)
  call('ZREM', P .. 'M', lapsed)
end
local held = call('HMGET', key, 'h', 't', 'x')
local ends = tonumber(held[3] or 0)
local token = held[2]
if ends > NOW then
  if held[1] ~= IN[2] then return { 'h', ends - NOW } end
else
  token = call('HINCRBY', META, 'token', 1)
  call('HSET', key, 'h', IN[2], 't', token, 'a', IN[4], 'at', NOW)
end
call('HSET', key, 'x', NOW + IN[3])
call('ZADD', P .. 'M', NOW + IN[3], name)
return { 'a', tonumber(token) }
`

/** renewLock. Request: { name, holder, ttl ms }. Answer: 1, or 0 if it is lost. */
export const RENEW_LOCK: string = String.raw`
local key = P .. 'L' .. IN[1]
local held = call('HMGET', key, 'h', 'x')
if held[1] ~= IN[2] or tonumber(held[2]) <= NOW then return 0 end
call('HSET', key, 'x', NOW + IN[3])
call('ZADD', P .. 'M', NOW + IN[3], IN[1])
return 1
`

/** releaseLock. Request: { name, holder }. Answer: 1, or 0 if it was lost. */
export const RELEASE_LOCK: string = String.raw`
local key = P .. 'L' .. IN[1]
local held = call('HMGET', key, 'h', 'x')
if held[1] ~= IN[2] or tonumber(held[2]) <= NOW then return 0 end
call('DEL', key)
call('ZREM', P .. 'M', IN[1])
return 1
`

/** locks. Answer: { name, token, about, when it was taken, end of its lease } each. */
export const LOCKS: string = String.raw`
local rows = {}
for _, name in ipairs(call('ZRANGEBYSCORE', P .. 'M', '(' .. string.format('%.0f', NOW), '+inf', 'LIMIT', 0, 1000)) do
  local lock = call('HMGET', P .. 'L' .. name, 't', 'a', 'at', 'x')
  rows[#rows + 1] = { name, lock[1], lock[2], lock[3], lock[4] }
end
return rows
`
