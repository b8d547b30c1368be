-- Takes jobs for a pool, and only for one whose heartbeat stands.
--
-- A job is in exactly one list, and each that is in an in-progress list is counted in the lock of its
-- name and in the pool's part of that lock. A name that is paused gives nothing, and one with a limit
-- never more than its lock leaves; while such a one has something to give, no more is taken in all than
-- can be begun at once.
--
-- KEYS  worker_pools, reaped; then for each name: ready, in progress, paused, lock, lock_info,
--       max_concurrency
-- ARGV  pool, how many, how many can be begun at once, how many bytes, a random seed; then the weight
--       of each name
-- Gives 0 where the pool has no heartbeat; else whether jobs were reaped, and for each name that gave
-- something its number and its jobs, the oldest first.

local pool, bytes_left = ARGV[1], tonumber(ARGV[4])
if redis.call('SISMEMBER', KEYS[1], pool) == 0 then
  return 0
end

local function keys_of(name)
  local at = 2 + (name - 1) * 6
  return KEYS[at + 1], KEYS[at + 2], KEYS[at + 3], KEYS[at + 4], KEYS[at + 5], KEYS[at + 6]
end

-- How many a name with so many jobs may give, and whether it has a limit.
local function room_of(count, paused, lock, max_concurrency)
  local limit, taken = tonumber(max_concurrency or '0') or 0, tonumber(lock or '0')
  if paused or not taken then
    return 0, false -- A lock that is no number is repaired soon.
  end
  if limit <= 0 then
    return count, false
  end
  return math.min(count, limit - math.max(taken, 0)), true
end

-- The names that have jobs, with the keys that say whether these may be taken.
local full, keys = {}, {}
for name = 1, (#KEYS - 2) / 6 do
  local ready, _, paused, lock, _, max_concurrency = keys_of(name)
  local count = redis.call('LLEN', ready)
  if count > 0 then
    full[#full + 1] = { name = name, count = count }
    keys[#keys + 1], keys[#keys + 2], keys[#keys + 3] = paused, lock, max_concurrency
  end
end
local values = {}
for from = 1, #keys, 3000 do
  for _, value in ipairs(redis.call('MGET', unpack(keys, from, math.min(from + 2999, #keys)))) do
    values[#values + 1] = value
  end
end

local names, wanted = {}, tonumber(ARGV[2])
for at, one in ipairs(full) do
  local value = at * 3
  local room, limited = room_of(one.count, values[value - 2], values[value - 1], values[value])
  if room > 0 then
    local weight = tonumber(ARGV[5 + one.name])
    names[#names + 1] = { name = one.name, room = room, weight = weight, count = 0 }
    if limited then
      wanted = math.min(wanted, tonumber(ARGV[3]))
    end
  end
end

-- What is drawn is a few jobs at once where many are wanted, so that not every name gives some each time.
local unit = math.max(1, math.floor(wanted / 16))

-- Shares out what is wanted by weight, so that each name gets its part of it in the mean however little
-- that is. Tells whether anything was shared out.
local function share()
  local total = 0
  for _, one in ipairs(names) do
    total = total + (one.count < one.room and one.weight or 0)
  end
  local draws, sum = math.ceil(wanted / unit), math.random()
  for _, one in ipairs(names) do
    if one.count < one.room then
      local drawn = math.floor(sum)
      sum = sum + draws * one.weight / total
      drawn = math.min((math.floor(sum) - drawn) * unit, one.room - one.count, wanted)
      one.count, wanted = one.count + drawn, wanted - drawn
    end
  end
  return total > 0
end
math.randomseed(tonumber(ARGV[5]))
while wanted > 0 and share() do end

-- The oldest jobs of a list, up to so many and to the bytes that are left, but at least one of all.
local none_yet = true
local function oldest(ready, most)
  local jobs, step = {}, 32
  while #jobs < most do
    local last = math.min(#jobs + step, most)
    local some = redis.call('LRANGE', ready, -last, -(#jobs + 1))
    if #some == 0 then
      break
    end
    for at = #some, 1, -1 do
      if bytes_left <= 0 and not none_yet then
        return jobs
      end
      none_yet, bytes_left = false, bytes_left - #some[at]
      jobs[#jobs + 1] = some[at]
    end
    step = step * 2
  end
  return jobs
end

local answer = { redis.call('EXISTS', KEYS[2]) }
for _, one in ipairs(names) do
  local ready, in_progress, _, lock, lock_info = keys_of(one.name)
  local jobs = one.count > 0 and oldest(ready, one.count) or {}
  if #jobs > 0 then
    redis.call('HINCRBY', lock_info, pool, #jobs)
    redis.call('INCRBY', lock, #jobs)
    for from = 1, #jobs, 1000 do
      redis.call('LPUSH', in_progress, unpack(jobs, from, math.min(from + 999, #jobs)))
    end
    redis.call('LTRIM', ready, 0, -(#jobs + 1))
    table.insert(jobs, 1, one.name)
    answer[#answer + 1] = jobs
  end
end
return answer
