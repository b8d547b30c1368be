-- Takes jobs from a pool that died.
--
-- Nothing is taken from a pool that has beaten again since it was called dead. Each job that is still in
-- its in-progress list goes to the left end of its ready list, or among the dead, or with what cannot be
-- read; the lock and the pool's part of it lose as many.
--
-- KEYS  the pool's heartbeat, dead, reaped, ready, in progress, lock, lock_info, poison
-- ARGV  pool, its last `heartbeat_at` or nothing, now, how many seconds reaped jobs are counted; then for
--       each job: `ready`, `dead` or `poison`, its bytes, and what belongs to it: the digest under which
--       it is counted, or nothing; the new bytes; nothing
-- Gives how many were taken, or -1 where the pool lives.

local pool, now = ARGV[1], ARGV[3]
if (redis.call('HGET', KEYS[1], 'heartbeat_at') or '') ~= ARGV[2] then
  return -1
end
local dead, reaped, ready, in_progress = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
redis.call('ZCARD', dead)
redis.call('LLEN', ready)

local function put(fate, bytes, more)
  if fate == 'dead' then
    while redis.call('ZADD', dead, 'NX', now, more) == 0 do
      more = more .. ' '
    end
  elseif fate == 'poison' then
    redis.call('LPUSH', KEYS[8], bytes)
  else
    redis.call('LPUSH', ready, bytes)
    if more ~= '' then
      redis.call('HINCRBY', reaped, more, 1)
      redis.call('EXPIRE', reaped, ARGV[4])
    end
  end
end

local taken = 0
for at = 5, #ARGV, 3 do
  if redis.call('LREM', in_progress, -1, ARGV[at + 1]) == 1 then
    put(ARGV[at], ARGV[at + 1], ARGV[at + 2])
    taken = taken + 1
  end
end
local part = tonumber(redis.call('HGET', KEYS[7], pool) or '0') or 0
local released = math.min(taken, math.max(part, 0))
if released > 0 then
  redis.call('HINCRBY', KEYS[7], pool, -released)
  redis.call('DECRBY', KEYS[6], released)
end
return taken
