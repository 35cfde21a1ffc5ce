-- Says how many places of a limit on concurrency this edge wants to hold, and for how long.
-- KEYS[1] the limit's hash, edge -> 'places:expires'   ARGV[1] edge   ARGV[2] limit   ARGV[3] wanted in all
-- ARGV[4] taken already, which it keeps in any case   ARGV[5] milliseconds until it is forgotten
-- Answers how many it holds.
local now = redis.call('TIME')
local millis = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local edge, limit, wanted = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local taken, lease = tonumber(ARGV[4]), tonumber(ARGV[5])
local others = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
    local places, expires = string.match(all[i + 1], '(%d+):(%d+)')
    if tonumber(expires) <= millis then
        redis.call('HDEL', KEYS[1], all[i])
    elseif all[i] ~= edge then
        others = others + tonumber(places)
    end
end
local held = math.max(taken, math.min(wanted, limit - others))
if held > 0 then
    redis.call('HSET', KEYS[1], edge, string.format('%.0f:%.0f', held, millis + lease))
    redis.call('PEXPIRE', KEYS[1], lease)
else
    redis.call('HDEL', KEYS[1], edge)
end
return held
