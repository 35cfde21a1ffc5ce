-- Billing: settlement and invariants in rooms of their own, one function a subject; what a record says more.
set lock_timeout = '5s';

-- `lease_amounts` run in parallel with `lease_ids`: what is reserved under each; null = `reserved` under each.
-- `upstream_cost` is what the tenant's own credential pays the provider, at list price.
alter type billing.record add attribute lease_amounts bigint[];
alter type billing.record add attribute workspace_id uuid;
alter type billing.record add attribute user_id uuid;
alter type billing.record add attribute is_byok boolean;
alter type billing.record add attribute upstream_cost bigint;

alter table billing.usage
    add column workspace_id uuid,
    add column user_id uuid,
    add column is_byok boolean not null default false,
    add column upstream_cost bigint not null default 0 check (upstream_cost >= 0);

-- When a generation was admitted, by our clock, as far as its leases say: it decides which day it counts for.
create function billing.occurred(p_leases uuid[], p_now timestamptz) returns timestamptz language sql stable as $$
    select coalesce((select min(l.created_at) from billing.lease l where l.lease_id = any (p_leases)), p_now)
$$;

-- What a settled record takes from an account.
create function billing.takes(p_record billing.record, p_account billing.account) returns bigint
language sql stable as $$
    select p_record.charge
$$;

-- What is in an account when the window that begins at `p_start` opens: its limit, less what was spent since.
create function billing.opening(p_account billing.account, p_start timestamptz) returns bigint
language sql stable as $$
    select coalesce(p_account.limit_nano, billing.unlimited()) - billing.key_spent(p_account.key_id, p_start)
$$;

-- Usage and attempts.
create function billing.write_usage(p_records billing.record[], p_period bigint, p_now timestamptz) returns void
language plpgsql as $$
begin
    insert into billing.usage (
        generation_id, day, execution, evidence, tenant_id, key_id, worker_id, lease_ids, period_id, occurred_at, settled_at,
        price_version_id, markup_bps, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, audio_input,
        audio_output, image, request, source, reserved, due, charge, absorbed, waived, provider_cost, model, provider,
        provider_name, endpoint_id, provider_response_id, finish_reason, native_finish_reason, streamed, cancelled,
        partial, received_at, latency_ms, generation_time_ms, deltas, end_user, app_referer, app_title, session_id,
        attempts, first_n, first_endpoint_id, first_provider_name, first_model, first_status, first_outcome,
        first_latency_ms, first_error_type, image_input, image_output, picture, character, second, search_unit,
        workspace_id, user_id, is_byok, upstream_cost)
    select r.generation_id, billing.uuid_day(r.generation_id), r.execution, r.evidence, r.tenant_id, r.key_id,
        r.worker_id, r.lease_ids, p_period,
        billing.occurred(r.lease_ids, p_now), p_now,
        r.price_version_id, r.markup_bps, r.units[1], r.units[2], r.units[3], r.units[4], r.units[5], r.units[6],
        r.units[7], r.units[8], r.units[9], r.units[10], r.source, r.reserved, r.due, r.charge, r.absorbed, r.waived,
        r.provider_cost, r.model, r.provider, r.provider_name, r.endpoint_id, r.provider_response_id,
        r.finish_reason, r.native_finish_reason, r.streamed, r.cancelled, r.partial,
        to_timestamp(r.received_at_ms / 1000.0), r.latency_ms, r.generation_time_ms, r.deltas,
        r.end_user, r.app_referer, r.app_title, r.session_id,
        jsonb_array_length(r.attempts), a.n, a.endpoint_id, a.provider_name, a.model, a.status, a.outcome,
        a.latency_ms, a.error_type,
        coalesce(r.units[11], 0), coalesce(r.units[12], 0), coalesce(r.units[13], 0), coalesce(r.units[14], 0),
        coalesce(r.units[15], 0), coalesce(r.units[16], 0),
        r.workspace_id, r.user_id, coalesce(r.is_byok, false), coalesce(r.upstream_cost, 0)
    from unnest(p_records) r
    left join lateral jsonb_to_record(r.attempts -> 0) as a (n integer, endpoint_id uuid, provider_name text,
        model text, status integer, outcome text, latency_ms bigint, error_type text) on true;

    if exists (select from unnest(p_records) r where jsonb_array_length(r.attempts) > 1) then
        perform billing.write_attempts(p_records, false, p_now);
    end if;
end
$$;

-- The ledger.
create function billing.write_transfers(p_records billing.record[], p_period bigint, p_now timestamptz) returns void
language plpgsql as $$
begin
    insert into billing.transfer
        (source_id, kind, debit_account, credit_account, amount, tenant_id, period_id, posted_at)
    select r.generation_id, 'usage', t.credit_account_id, billing.platform_account('revenue'), r.charge,
        r.tenant_id, p_period, p_now
    from unnest(p_records) r join billing.tenant t on t.tenant_id = r.tenant_id
    where r.charge > 0 and t.tenant_id = any (array(select x.tenant_id from unnest(p_records) x));
    perform billing.write_provider_costs(p_records, p_period, p_now);
end
$$;

-- Leases and balances. The balances are locked by the caller.
create function billing.write_taken(p_records billing.record[], p_now timestamptz) returns void
language plpgsql as $$
declare
    v_leases uuid[] := array(select distinct u.lease_id from unnest(p_records) r, unnest(r.lease_ids) u(lease_id));
begin
    with uses as (
        select u.lease_id, sum(r.charge) as charge
        from unnest(p_records) r cross join lateral unnest(r.lease_ids) u(lease_id) group by 1
    ), consumed as (
        update billing.lease l
        set consumed = l.consumed + u.charge,
            state = case when l.single then 'closed' else l.state end,
            closed_at = case when l.single then coalesce(l.closed_at, p_now) end,
            reason = case when l.single then coalesce(l.reason, 'settled') end
        from uses u join billing.lease was on was.lease_id = u.lease_id and was.lease_id = any (v_leases)
        where l.lease_id = u.lease_id and l.lease_id = any (v_leases)
        returning l.account_id, l.window_start, u.charge,
            case when was.state = 'closed' then 0
                when l.single then was.granted - was.consumed
                else u.charge end as released
    )
    update billing.balance b set spent = b.spent + s.charge, held = b.held - s.released
    from (select c.account_id, c.window_start, sum(c.charge) as charge, sum(c.released) as released
        from consumed c group by 1, 2) s
    where b.account_id = any (array(select c.account_id from consumed c))
        and b.account_id = s.account_id and b.window_start = s.window_start;
end
$$;

-- Totals.
create function billing.write_totals(p_records billing.record[], p_now timestamptz) returns void
language plpgsql as $$
begin
    insert into billing.key_usage as k (key_id, day, tenant_id, charge, requests)
    select r.key_id, (billing.occurred(r.lease_ids, p_now) at time zone 'UTC')::date as day, r.tenant_id, sum(r.charge), count(*)
    from unnest(p_records) r where r.key_id is not null
    group by 1, 2, 3 order by 1, 2
    on conflict (key_id, day) do update
        set charge = k.charge + excluded.charge, requests = k.requests + excluded.requests;
end
$$;

-- Writes settled records whose charges are decided. Their balances are locked by the caller.
create or replace function billing.write_settled(p_records billing.record[], p_period bigint, p_now timestamptz) returns void
language plpgsql as $$
begin
    perform billing.write_usage(p_records, p_period, p_now);
    perform billing.write_transfers(p_records, p_period, p_now);
    perform billing.write_taken(p_records, p_now);
    perform billing.write_totals(p_records, p_now);
end
$$;

-- What an account has is what its transfers come to.
create function billing.invariant_1(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    with ledger as (
        select x.account_id, sum(x.added)::bigint as added, sum(x.spent)::bigint as spent
        from (
            select t.credit_account as account_id, t.amount as added, 0 as spent from billing.transfer t
            union all
            select t.debit_account, case when t.kind in ('usage', 'byok_fee') then 0 else -t.amount end,
                case when t.kind in ('usage', 'byok_fee') then t.amount else 0 end from billing.transfer t
        ) x group by 1
    )
    select 'I1', format('credit account %s: added %s spent %s, its transfers say %s and %s',
        a.account_id, b.added, b.spent, coalesce(l.added, 0), coalesce(l.spent, 0))
    from billing.account a
    left join billing.balance b on b.account_id = a.account_id and b.window_start = 'epoch'
    left join ledger l on l.account_id = a.account_id
    where a.kind = 'credit'
        and (b.added is distinct from coalesce(l.added, 0) or b.spent is distinct from coalesce(l.spent, 0))
    union all
    select 'I1', format('account %s has transfers and does not exist', l.account_id)
    from ledger l where not exists (select from billing.account a where a.account_id = l.account_id);
end
$$;

-- What is held is what open leases have left.
create function billing.invariant_2(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I2', format('account %s window %s: held %s, its open leases come to %s',
        coalesce(b.account_id, l.account_id), coalesce(b.window_start, l.window_start), b.held, coalesce(l.open, 0))
    from billing.balance b
    full join (select account_id, window_start, sum(granted - consumed) as open from billing.lease
        where state <> 'closed' group by 1, 2) l using (account_id, window_start)
    where b.held is distinct from coalesce(l.open, 0);
end
$$;

-- Usage has its transfers, of the same amounts.
create function billing.invariant_3(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I3', format('generation %s: charge %s, its transfer says %s', u.generation_id, u.charge, t.amount)
    from billing.usage u
    left join billing.tenant e on e.tenant_id = u.tenant_id
    left join billing.transfer t on t.source_id = u.generation_id and t.kind = 'usage' and t.leg = 0
    where u.settled_at >= p_since
        and (coalesce(t.amount, 0) <> u.charge
            or t.debit_account is distinct from case when u.charge > 0 then e.credit_account_id end)
    union all
    select 'I3', format('generation %s: provider cost %s, its transfer says %s',
        u.generation_id, u.provider_cost, t.amount)
    from billing.usage u
    left join billing.transfer t on t.source_id = u.generation_id and t.kind = 'provider_cost' and t.leg = u.execution
    where u.settled_at >= p_since and coalesce(t.amount, 0) <> u.provider_cost;
end
$$;

-- A transfer for usage has its usage.
create function billing.invariant_4(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I4', format('transfer of %s for generation %s without usage', t.amount, t.source_id)
    from billing.transfer t
    where t.kind = 'usage' and t.posted_at >= p_since and not exists (select from billing.usage u
        where u.generation_id = t.source_id and u.day = billing.uuid_day(t.source_id));
end
$$;

-- What settled has usage, and the other way round.
create function billing.invariant_5(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I5', format('generation %s: settled without usage', s.generation_id)
    from billing.settlement s
    where s.settled_at >= p_since and not exists (select from billing.usage u
        where u.generation_id = s.generation_id and u.day = billing.uuid_day(s.generation_id)
            and u.execution = s.execution)
    union all
    select 'I5', format('generation %s: usage without settlement', u.generation_id)
    from billing.usage u
    where u.settled_at >= p_since and not exists (select from billing.settlement s
        where s.generation_id = u.generation_id and s.execution = u.execution);
end
$$;

-- Nothing is charged above its reservation, and no balance is negative.
create function billing.invariant_6(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I6', format('generation %s: charge %s above its reservation of %s', u.generation_id, u.charge, u.reserved)
    from billing.usage u where u.settled_at >= p_since and u.charge > u.reserved
    union all
    select 'I6', format('account %s window %s: posted %s held %s', b.account_id, b.window_start, b.posted, b.held)
    from billing.balance b where b.strict and (b.posted < 0 or b.held > b.posted)
    union all
    select 'I6', format('lease %s: consumed %s of %s, its generations were charged %s', l.lease_id, l.consumed,
        l.granted, u.charge)
    from (select x.lease_id, sum(u.charge) as charge
        from billing.usage u cross join lateral unnest(u.lease_ids) x(lease_id)
        where u.settled_at >= p_since group by 1) u
    join billing.lease l on l.lease_id = u.lease_id
    where l.single and l.consumed <> u.charge or l.consumed > l.granted;
end
$$;

-- Budgets and totals say what their usage comes to.
create function billing.invariant_7(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I7', format('budget %s window %s: spent %s, its leases consumed %s', b.account_id, b.window_start,
        b.spent, coalesce(l.consumed, 0))
    from billing.balance b
    join billing.account a on a.account_id = b.account_id and a.kind = 'key_limit'
    left join (select account_id, window_start, sum(consumed) as consumed from billing.lease group by 1, 2) l
        on l.account_id = b.account_id and l.window_start = b.window_start
    where b.spent <> coalesce(l.consumed, 0)
    union all
    select 'I7', format('key %s on %s: total %s over %s requests, its usage says %s over %s',
        key_id, day, k.charge, k.requests, u.charge, u.requests)
    from (select * from billing.key_usage where day >= (p_since at time zone 'UTC')::date) k
    full join (select key_id, (occurred_at at time zone 'UTC')::date as day, sum(charge) as charge, count(*) as requests
        from billing.usage
        where key_id is not null and occurred_at >= date_trunc('day', p_since at time zone 'UTC') at time zone 'UTC'
            and settled_at >= date_trunc('day', p_since at time zone 'UTC') at time zone 'UTC'
        group by 1, 2) u using (key_id, day)
    where (k.charge, k.requests) is distinct from (u.charge, u.requests);
end
$$;

-- Charges are what the usage comes to at the price and markup that were pinned.
create function billing.invariant_8(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I8', format('generation %s: charge %s + absorbed %s + waived %s, recomputed %s', r.generation_id, r.charge,
        r.absorbed, r.waived, r.due)
    from (select u.generation_id, u.charge, u.absorbed, u.waived, u.due as stated,
            case when u.price_version_id is null then 0 else billing.charge(p.base, p.tiers,
                array[u.input, u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output, u.reasoning,
                    u.audio_input, u.audio_output, u.image, u.request, u.image_input, u.image_output, u.picture,
                    u.character, u.second, u.search_unit], u.markup_bps) end as due
        from billing.usage u left join billing.price_version p using (price_version_id)
        where u.settled_at >= p_since) r
    where r.due is distinct from r.charge + r.absorbed + r.waived or r.stated is distinct from r.due;
end
$$;

-- Nothing waits past its time.
create function billing.invariant_10(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I10', format('lease %s: %s past its grace', l.lease_id, l.state)
    from billing.lease l
    left join billing.edge e on e.edge_id = l.edge_id and e.epoch = l.epoch
    where l.state = 'closing' and l.closes_at < p_now - interval '60 seconds'
        or l.state = 'active' and least(greatest(l.expires_at, coalesce(e.extended_until, l.expires_at)), l.ends_at)
            < p_now - interval '60 seconds'
    union all
    select 'I10', format('generation %s: its claim is past due', c.generation_id)
    from billing.claim c where c.due_at < p_now - interval '60 seconds'
    union all
    select 'I10', format('generation %s: the edge''s word is past due', w.generation_id)
    from billing.witness w where w.due_at < p_now - interval '60 seconds';
end
$$;

-- No response of a provider is billed twice.
create function billing.invariant_12(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I12', format('provider %s response %s billed %s times', u.provider, u.provider_response_id, count(*))
    from billing.usage u
    where u.settled_at >= p_since and u.provider_response_id <> '' and u.charge > 0
    group by u.provider, u.provider_response_id having count(*) > 1;
end
$$;

-- The invariants, each with the rows that break it. Sums of accounts are checked whole; single records only
-- when settled since `p_since`. Stable, so that all of it is one snapshot.
create or replace function billing.invariants(p_since timestamptz default 'epoch') returns table (invariant text, detail text)
language plpgsql stable as $$
declare
    v_now timestamptz := billing.clock();
begin
    return query select * from billing.invariant_1(p_since, v_now);
    return query select * from billing.invariant_2(p_since, v_now);
    return query select * from billing.invariant_3(p_since, v_now);
    return query select * from billing.invariant_4(p_since, v_now);
    return query select * from billing.invariant_5(p_since, v_now);
    return query select * from billing.invariant_6(p_since, v_now);
    return query select * from billing.invariant_7(p_since, v_now);
    return query select * from billing.invariant_8(p_since, v_now);
    return query select * from billing.invariant_10(p_since, v_now);
    return query select * from billing.invariant_12(p_since, v_now);
end
$$;

create or replace view report.usage with (security_invoker = true) as
select u.generation_id, u.day, u.execution, u.evidence, u.provider_response_id, u.tenant_id, u.key_id, u.end_user,
    u.model, u.provider, u.provider_name, u.endpoint_id, u.input, u.cache_read, u.cache_write_5m, u.cache_write_1h,
    u.output, u.reasoning, u.audio_input, u.audio_output, u.image, u.request, u.source, u.price_version_id,
    u.markup_bps, u.reserved, u.due, u.charge, u.absorbed, u.waived, u.provider_cost, u.finish_reason,
    u.native_finish_reason, u.streamed, u.cancelled, u.partial, u.received_at, u.occurred_at, u.settled_at,
    u.latency_ms, u.generation_time_ms, u.deltas, u.attempts, u.app_referer, u.app_title, u.session_id, u.period_id,
    u.image_input, u.image_output, u.picture, u.character, u.second, u.search_unit, u.workspace_id, u.user_id,
    u.is_byok, u.upstream_cost
from billing.usage u;
