-- How much waits to be sent to destinations.
set lock_timeout = '5s';

-- Traces that wait, since when the oldest does, and those that were given up and are still kept.
create function identity.trace_queue() returns table (waiting bigint, oldest timestamptz, failed bigint)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.traces', 'queue', true);
    return query
        select (select count(*) from identity.trace t where t.failed_at is null),
               (select min(t.queued_at) from identity.trace t where t.failed_at is null),
               (select count(*) from identity.trace t where t.failed_at is not null);
    perform set_config('app.traces', '', true);
end
$$;
