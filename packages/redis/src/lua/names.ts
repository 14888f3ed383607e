/** Homes and names: what a client learns once. These scripts have no home to compare with, but for the last. */

/**
 * Opens a home. ARGV: an id for it, the schema that the code knows, '1' if it may be made. Answer: { 'open', id } or
 * { 'newer' | 'older', schema }, { 'missing' }, { 'foreign' }.
 */
export const OPEN_HOME: string = String.raw`
local key = KEYS[1] .. 'm'
local kind = redis.call('TYPE', key).ok
if kind ~= 'none' and kind ~= 'hash' then return { 'foreign' } end
local m = redis.call('HMGET', key, 'home', 'schema')
if not m[1] then
  if kind == 'hash' then return { 'foreign' } end
  if ARGV[3] ~= '1' then return { 'missing' } end
  -- small hashes are searched from end to end, and that of the running tasks is looked into all the time: a value of
  -- more than 64 bytes makes it a table from the beginning
  redis.call('HSET', KEYS[1] .. 'r', '', string.rep('-', 80))
  redis.call('HSET', key, 'home', ARGV[1], 'schema', ARGV[2], 'floor', 0, 'offset', 0, 'seq', 0, 'ends', 0)
  return { 'open', ARGV[1] }
end
if tonumber(m[2]) > tonumber(ARGV[2]) then return { 'newer', m[2] } end
if tonumber(m[2]) < tonumber(ARGV[2]) then return { 'older', m[2] } end
return { 'open', m[1] }
`

/** Moves store time, for tests. ARGV: milliseconds. */
export const SHIFT_CLOCK: string = String.raw`
return redis.call('HINCRBY', KEYS[1] .. 'm', 'offset', ARGV[1])
`

/**
 * Gives names their numbers. Request: { 'Q' | 'R' | 'T', name, … }. Answer: three bytes per name; '' for terms when
 * there are too many of them already: those stand in the tasks themselves.
 */
export const INTERN: string = String.raw`
local TERMS_MAX = 20000
local kind, answers = IN[1], {}
for i = 2, #IN do
  local number = call('HGET', P .. kind, IN[i])
  if not number then
    local n = call('HLEN', P .. kind) + 1
    number = sub(I4(n), 2)
    if kind == 'T' and n > TERMS_MAX then number = ''
    else
      call('HSET', P .. kind, IN[i], number)
      if kind == 'T' then call('HSET', P .. 'N', number, IN[i])
      else call('HSET', P .. 'N', kind .. number, kind == 'Q' and IN[i] or cjson.decode(IN[i])[1]) end
    end
  end
  answers[#answers + 1] = number
end
return answers
`

/** All names with their numbers. Answer: { queues, routes, terms } as flat lists. */
export const NAMES: string = String.raw`
return { call('HGETALL', P .. 'Q'), call('HGETALL', P .. 'R'), call('HGETALL', P .. 'T') }
`
