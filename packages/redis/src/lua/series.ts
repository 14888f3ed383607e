/** Strict order: of the live tasks of a queue and a partition that ask for it only the first stands in line. */
export const SERIES: string = String.raw`
local function seriesKey(T) return P .. 'P' .. T.q .. sub(T.lane, 1, 4) end
local function isFifo(T) return byte(T.lane, 5) >= FIFO end
local function joinSeries(T)
  local key = seriesKey(T)
  local last = call('ZRANGE', key, 0, 0, 'REV', 'WITHSCORES')[2]
  call('ZADD', key, (tonumber(last) or 0) + 1, T.id)
end
-- @return who comes first by that, if that was somebody else until now
local function leaveSeries(T)
  local key = seriesKey(T)
  local first = call('ZRANGE', key, 0, 0)[1]
  call('ZREM', key, T.id)
  return first == T.id and call('ZRANGE', key, 0, 0)[1] or nil
end
-- those who would stand in line, were they not behind others: for the counts alone
local function follow(T) call('ZADD', P .. 'P' .. T.q, T.runAt, T.id) end
local function followNoMore(T) call('ZREM', P .. 'P' .. T.q, T.id) end
-- whether somebody is before it
local function follows(T) return isFifo(T) and call('ZRANGE', seriesKey(T), 0, 0)[1] ~= T.id end
`
