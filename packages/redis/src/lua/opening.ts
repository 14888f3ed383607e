/**
 * How every script begins and ends: what it was asked, which home it works on, and what time it is there.
 *
 * KEYS[1] is the prefix of all keys of the home, with the hash tag in it, and no key itself; KEYS[2] is `m`; ARGV[1] the id of the home as the
 * client knows it; ARGV[2] the request as MessagePack. Keys are the prefix, one letter or digit, and parts of fixed
 * width, or one part of any width at the end: no two things have the same key.
 *
 *   m          hash    home, schema, floor and offset of the clock, seq (arrivals), ends, and how many limits, lanes and partitions there were
 *   Q R T      hash    queues, routes, terms → their three bytes; N  hash  three bytes → terms; Q or R and three bytes → queue or type
 *   t<id>      string  the task (records.ts)              x<id>  hash  what most tasks do not have
 *   p<id>      string  a payload above 8 KiB
 *   q<q>       hash    settings of a queue, how many tasks are in which state, and bytes of live payloads (L) and of final tasks (B)
 *   l<q><r><level> list what is ready                      a<q>  set    which of these lists are not empty, and with a j behind, which rings
 *   l<q><r><level><lane> list the same of other lanes      9<q><r><level><lane> zset what is ready by its dueBy
 *   8<q><r><level> zset lanes whose list is not empty; with a y behind, whose zset is not: a ring
 *   1 2        hash    lane as JSON → its eight bytes, and back    3  hash, 4 zset  how many tasks have it, since when none
 *   5 6 7      hash    partition → its four bytes; how many lanes it has; its bytes → weight and name
 *   0          hash    four bytes of a partition → its live tasks; with a b behind, bytes of their payloads
 *   P<q><partition> zset a series, in its order            P<q>  zset   who only waits for those before it → when due
 *   H          hash    limits (limits.ts)                  F<name> hash key → what is used of it
 *   d<q><r>    zset    what is due later                   n<q>  zset   route → its earliest due time
 *   r          hash    id → the claim of a running task    u<session> set  its running tasks
 *   s<session> hash    a session                           S     zset   session → end of its lease; X  dead ones
 *   e o        zset    when waiting tasks end / when running ones may be taken over, by their own limits
 *   k          hash    unique key → its holder, for as long as that lives or waits
 *   V          hash    unique key → its holder and until when; U  zset  the same keys by that time
 *   w<id>      set     who waits for a task                b     zset   ends that dependents are still to be told of
 *   W<end>     set     who is to be told of an end         B     hash   parent → its ends in b: state and number of each
 *   i          hash    parent → how many live dependents
 *   g<name> G<name>    a gate, who waits behind it         h     zset   when a gate must be looked at; v  set  opened, not empty
 *   f<q><state> list   final tasks, oldest first           K     hash   those that retention has passed over
 *   z Z        hash, zset  ids of removed tasks, and until when
 *   A<n> E<n>  string  128 ids each, by arrival and by end; cA cE hash how many are left; CA CE zset which there are
 *   Y          hash    removed tasks → how many of their entries are still in lists of ready ones
 *   D          hash    published definitions
 *   J<name>    hash    a schedule                          j      zset   all schedules; y  when they are due
 *   I          hash    budgets                             I<window> hash spender → its totals; Iw  zset  windows by their ends
 *   O          zset    tasks with a dueBy that neither run nor have ended
 *   L<name>    hash    a lock                              M      zset   when their leases end
 */
export const OPENING: string = String.raw`
local P, call = KEYS[1], redis.call
local pack, decode = struct.pack, struct.unpack
local sub, byte, char = string.sub, string.byte, string.char
local concat = table.concat
local band = bit.band
local META, TASK = P .. 'm', P .. 't'
local meta = call('HMGET', META, 'home', 'floor', 'offset', 'seq', 'ends', 'limits')
if meta[1] ~= ARGV[1] then return redis.error_reply('OTHERHOME this is not the home that the client knows') end
local IN = cmsgpack.unpack(ARGV[2])
local time = call('TIME')
local NOW = math.max(time[1] * 1000 + math.floor(time[2] / 1000) + meta[3], tonumber(meta[2]))
local function I4(n) return pack('>I4', n) end
local function I6(n) return pack('>I6', n) end
local NOW6 = I6(NOW)
-- whether there are limits at all
local limited = meta[6]

-- what is written once, when the script ends: counts of queues, what partitions hold (budgets.ts), the logs, a hint
local counts, holdings, hint = {}, nil, { ready = false, settled = false, cancel = false, schedules = false }
local function count(q, field, n)
  local of = counts[q]
  if not of then of = {}; counts[q] = of end
  of[field] = (of[field] or 0) + n
end
`

/**
 * The logs of arrivals and of ends: each number has its place, 16 bytes, in a chunk of 128. A chunk goes when
 * nothing that it names is left.
 */
export const LOGS: string = String.raw`
local CHUNK = 128
local logs = {
  A = { next = tonumber(meta[4]), ids = {}, gone = {}, field = 'seq' },
  E = { next = tonumber(meta[5]), ids = {}, gone = {}, field = 'ends' },
}
-- @return the number of the id in that log
local function logged(name, id)
  local log = logs[name]
  local n = log.next + #log.ids
  log.ids[#log.ids + 1] = id
  return n
end
local function unlogged(name, n)
  local gone, chunk = logs[name].gone, math.floor(n / CHUNK)
  gone[chunk] = (gone[chunk] or 0) + 1
end
local function flushLog(name)
  local log = logs[name]
  local ids, at, from = log.ids, log.next, 1
  while from <= #ids do
    local chunk = math.floor(at / CHUNK)
    local size = math.min(#ids - from + 1, (chunk + 1) * CHUNK - at)
    if at % CHUNK == 0 then call('ZADD', P .. 'C' .. name, chunk, chunk) end
    call('APPEND', P .. name .. chunk, concat(ids, '', from, from + size - 1))
    call('HINCRBY', P .. 'c' .. name, chunk, size)
    at, from = at + size, from + size
  end
  if #ids > 0 then call('HSET', META, log.field, at) end
  for chunk, n in pairs(log.gone) do
    local left = call('HINCRBY', P .. 'c' .. name, chunk, -n)
    if left <= 0 and (chunk + 1) * CHUNK <= at then
      call('DEL', P .. name .. chunk)
      call('HDEL', P .. 'c' .. name, chunk)
      call('ZREM', P .. 'C' .. name, chunk)
    end
  end
end
-- writes what the script put off; the last thing that it does
local function finish()
  flushLog('A')
  flushLog('E')
  for q, of in pairs(counts) do
    for field, n in pairs(of) do
      if n ~= 0 then call('HINCRBY', P .. 'q' .. q, field, n) end
    end
  end
  if holdings then
    for field, n in pairs(holdings) do
      if n ~= 0 and call('HINCRBY', P .. '0', field, n) == 0 then call('HDEL', P .. '0', field) end
    end
  end
  if hint.atEnd then hint.atEnd() end
  local word = (hint.ready and 'r' or '') .. (hint.settled and 's' or '') .. (hint.cancel and 'c' or '') .. (hint.schedules and 'p' or '')
  if word ~= '' then call('PUBLISH', P .. '!', word) end
end
`
