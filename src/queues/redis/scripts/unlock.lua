-- Releases a lock, and only our own: one that ran out may be somebody else's by now.
--
-- KEYS  the lock
-- ARGV  what we put there

if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
