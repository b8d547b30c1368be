-- Makes each lock the sum of its parts, whatever released it twice or not at all: a lock and its parts
-- always change together, so what differs was changed by a fault. A part below zero, or that is no
-- number, is nothing.
--
-- KEYS  for each name: lock, lock_info
-- Gives for each name how far the lock was off, and the pools that have a part of it.

local function sum_of(lock_info, pools)
  local sum, parts = 0, redis.call('HGETALL', lock_info)
  for at = 1, #parts, 2 do
    local part = tonumber(parts[at + 1])
    pools[#pools + 1] = parts[at]
    if not part or part < 0 then
      redis.call('HSET', lock_info, parts[at], 0)
      part = 0
    end
    sum = sum + part
  end
  return sum
end

local answer = {}
for at = 1, #KEYS, 2 do
  local pools = {}
  local sum = sum_of(KEYS[at + 1], pools)
  local text = redis.call('GET', KEYS[at])
  local off = tonumber(text or '0')
  off = off and off - sum or 1
  if off ~= 0 then
    redis.call('SET', KEYS[at], sum)
  end
  answer[#answer + 1] = { off, pools }
end
return answer
