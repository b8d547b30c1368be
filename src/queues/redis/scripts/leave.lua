-- A pool that ends gives back everything at once: its jobs to the right end of their lists, where they
-- are the next again, uncounted; its part of each lock; its heartbeat.
--
-- KEYS  worker_pools, the pool's heartbeat, begun; then for each name: ready, in progress, lock,
--       lock_info; then the keys of its workers
-- ARGV  pool, the number of names
-- Gives how many jobs went back.

local pool, given_back = ARGV[1], 0

local function give_back(ready, in_progress)
  local jobs = redis.call('LRANGE', in_progress, 0, -1)
  for from = 1, #jobs, 1000 do
    redis.call('RPUSH', ready, unpack(jobs, from, math.min(from + 999, #jobs)))
  end
  redis.call('DEL', in_progress)
  given_back = given_back + #jobs
end

local function release(lock, lock_info)
  local part = tonumber(redis.call('HGET', lock_info, pool) or '0') or 0
  if redis.call('HDEL', lock_info, pool) == 1 and part ~= 0 then
    redis.call('DECRBY', lock, part)
  end
end

local names = tonumber(ARGV[2])
for name = 1, names do
  local at = 3 + (name - 1) * 4
  give_back(KEYS[at + 1], KEYS[at + 2])
  release(KEYS[at + 3], KEYS[at + 4])
end
redis.call('SREM', KEYS[1], pool)
redis.call('DEL', KEYS[2], KEYS[3], unpack(KEYS, 4 + names * 4))
return given_back
