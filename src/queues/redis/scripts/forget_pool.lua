-- Forgets a pool that died, once nothing of it is in progress: its heartbeat, its notes, its workers,
-- and its part of each lock, which becomes the sum of the others.
--
-- KEYS  worker_pools, the pool's heartbeat, begun; then for each name: in progress, lock, lock_info;
--       then the keys of its workers
-- ARGV  pool, its last `heartbeat_at` or nothing, the number of names
-- Gives 1, or 0 where it lives or has jobs.

local pool, names = ARGV[1], tonumber(ARGV[3])
if (redis.call('HGET', KEYS[2], 'heartbeat_at') or '') ~= ARGV[2] then
  return 0
end
for name = 1, names do
  if redis.call('LLEN', KEYS[1 + name * 3]) > 0 then
    return 0
  end
end

local function release(lock, lock_info)
  if redis.call('HDEL', lock_info, pool) == 0 then
    return
  end
  local sum = 0
  for _, part in ipairs(redis.call('HVALS', lock_info)) do
    sum = sum + (tonumber(part) or 0)
  end
  redis.call('SET', lock, math.max(sum, 0))
end

for name = 1, names do
  release(KEYS[2 + name * 3], KEYS[3 + name * 3])
end
redis.call('SREM', KEYS[1], pool)
redis.call('DEL', KEYS[2], KEYS[3], unpack(KEYS, 4 + names * 3))
return 1
