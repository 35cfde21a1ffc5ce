-- Grants a slice of a limit's current window: as much as is wanted, never more than is left.
-- KEYS[1] the limit's hash   ARGV[1] limit   ARGV[2] window in seconds   ARGV[3] wanted, 0 = only look
-- Answers {granted, spent in this window by all, milliseconds until the window ends}.
local now = redis.call('TIME')
local seconds = tonumber(now[1])
local limit, length, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local window = math.floor(seconds / length)
local held = redis.call('HMGET', KEYS[1], 'window', 'spent')
local spent = 0
if tonumber(held[1] or '-1') == window then
    spent = tonumber(held[2])
end
local granted = math.max(0, math.min(wanted, limit - spent))
if granted > 0 then
    spent = spent + granted
    redis.call('HSET', KEYS[1], 'window', window, 'spent', spent)
    redis.call('EXPIRE', KEYS[1], length + 1)
end
return {granted, spent, ((window + 1) * length - seconds) * 1000 - math.floor(tonumber(now[2]) / 1000)}
