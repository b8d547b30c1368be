-- Carries out verdicts on jobs of one pool.
--
-- A job that has left its in-progress list is somebody else's: its verdict does nothing, and no lock is
-- released for it. Each other one leaves that list, its lock and the pool's part of that lock, and is
-- where its verdict says, all at once. The answer is kept, so that who asks again, because the first
-- answer was lost, gets the same one.
--
-- KEYS  retry, dead, begun, reaped; then for each name: ready, in progress, lock, lock_info, poison
-- ARGV  pool; the field of `begun` for the answer, and 1 where it was asked for before; how many fields of `begun` end, and these; how many fields of `reaped` end, and these;
--       then for each job what shall become of it: `ack`, `release`, `poison`, `retry` or `dead`, the
--       number of its name, its bytes, and for the last two the score and the new bytes
-- Gives for each job the digit 1, or 0 where it was not there.

local answered = ARGV[3] == '1' and redis.call('HGET', KEYS[3], ARGV[2])
if answered then
  return answered
end

local pool, at = ARGV[1], 4
local retry, dead = KEYS[1], KEYS[2]

local function forget(key)
  local count = tonumber(ARGV[at])
  for from = at + 1, at + count, 1000 do
    redis.call('HDEL', key, unpack(ARGV, from, math.min(from + 999, at + count)))
  end
  at = at + count + 1
end
forget(KEYS[3])
forget(KEYS[4])

local function keys_of(name)
  local first = 4 + (name - 1) * 5
  return KEYS[first + 1], KEYS[first + 2], KEYS[first + 3], KEYS[first + 4], KEYS[first + 5]
end

local jobs, names = {}, {}
while at <= #ARGV do
  local job = { verdict = ARGV[at], name = tonumber(ARGV[at + 1]), bytes = ARGV[at + 2] }
  at = at + 3
  if job.verdict == 'retry' or job.verdict == 'dead' then
    job.score, job.new = ARGV[at], ARGV[at + 1]
    at = at + 2
  end
  jobs[#jobs + 1] = job
  names[job.name] = names[job.name] or {}
  table.insert(names[job.name], job)
end

-- What fails here, fails before anything was changed.
for _, job in ipairs(jobs) do
  local ready, _, _, _, poison = keys_of(job.name)
  if job.verdict == 'retry' then
    redis.call('ZCARD', retry)
  elseif job.verdict == 'dead' then
    redis.call('ZCARD', dead)
  elseif job.verdict == 'release' then
    redis.call('LLEN', ready)
  elseif job.verdict == 'poison' then
    redis.call('LLEN', poison)
  end
end

-- Whether these jobs are the oldest of a list, in whatever order.
local function are_oldest(in_progress, some)
  local left = {}
  for _, job in ipairs(some) do
    left[job.bytes] = (left[job.bytes] or 0) + 1
  end
  local oldest = redis.call('LRANGE', in_progress, -#some, -1)
  for _, bytes in ipairs(oldest) do
    if (left[bytes] or 0) == 0 then
      return false
    end
    left[bytes] = left[bytes] - 1
  end
  return #oldest == #some
end

-- Two jobs with the very same bytes are two members: a blank at the end means nothing in JSON.
local function add(key, score, bytes)
  while redis.call('ZADD', key, 'NX', score, bytes) == 0 do
    bytes = bytes .. ' '
  end
end

local function take(name, some)
  local _, in_progress, lock, lock_info = keys_of(name)
  local count = 0
  if #some > 1 and are_oldest(in_progress, some) then
    redis.call('LTRIM', in_progress, 0, -(#some + 1))
    count = #some
    for _, job in ipairs(some) do
      job.found = 1
    end
  else
    for _, job in ipairs(some) do
      job.found = redis.call('LREM', in_progress, -1, job.bytes)
      count = count + job.found
    end
  end
  if count > 0 then
    redis.call('DECRBY', lock, count)
    redis.call('HINCRBY', lock_info, pool, -count)
  end
end
for name, some in pairs(names) do
  take(name, some)
end

-- The oldest of what is released comes last, and so is the next again.
for number = #jobs, 1, -1 do
  local job = jobs[number]
  local ready, _, _, _, poison = keys_of(job.name)
  if job.found == 0 then
    job.verdict = 'none'
  elseif job.verdict == 'retry' then
    add(retry, job.score, job.new)
  elseif job.verdict == 'dead' then
    add(dead, job.score, job.new)
  elseif job.verdict == 'release' then
    redis.call('RPUSH', ready, job.bytes)
  elseif job.verdict == 'poison' then
    redis.call('LPUSH', poison, job.bytes)
  end
end

local answer = {}
for number, job in ipairs(jobs) do
  answer[number] = job.found
end
answer = table.concat(answer)
redis.call('HSET', KEYS[3], ARGV[2], answer)
return answer
