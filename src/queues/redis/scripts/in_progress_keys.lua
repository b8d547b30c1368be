-- Looks for in-progress lists on the server that holds the namespace; changes nothing.
--
-- KEYS  known_jobs, which says where to look
-- ARGV  the cursor, the pattern, how many keys to look at
-- Gives the next cursor and the keys.

return redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
