-- Billing: what is true at any moment, in one snapshot. No row = all is well.
set lock_timeout = '5s';

-- The invariants, each with the rows that break it. Sums of accounts are checked whole; single records only
-- when settled since `p_since`. Stable, so that all of it is one snapshot.
create function billing.invariants(p_since timestamptz default 'epoch') returns table (invariant text, detail text)
language plpgsql stable as $$
declare
    v_now timestamptz := billing.clock();
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

    return query
    select 'I2', format('account %s window %s: held %s, its open leases come to %s',
        coalesce(b.account_id, l.account_id), coalesce(b.window_start, l.window_start), b.held, coalesce(l.open, 0))
    from billing.balance b
    full join (select account_id, window_start, sum(granted - consumed) as open from billing.lease
        where state <> 'closed' group by 1, 2) l using (account_id, window_start)
    where b.held is distinct from coalesce(l.open, 0);

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

    return query
    select 'I4', format('transfer of %s for generation %s without usage', t.amount, t.source_id)
    from billing.transfer t
    where t.kind = 'usage' and t.posted_at >= p_since and not exists (select from billing.usage u
        where u.generation_id = t.source_id and u.day = billing.uuid_day(t.source_id));

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

    return query
    select 'I8', format('generation %s: charge %s + absorbed %s + waived %s, recomputed %s', r.generation_id, r.charge,
        r.absorbed, r.waived, r.due)
    from (select u.generation_id, u.charge, u.absorbed, u.waived, u.due as stated,
            case when u.price_version_id is null then 0 else billing.charge(p.base, p.tiers,
                array[u.input, u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output, u.reasoning,
                    u.audio_input, u.audio_output, u.image, u.request], u.markup_bps) end as due
        from billing.usage u left join billing.price_version p using (price_version_id)
        where u.settled_at >= p_since) r
    where r.due is distinct from r.charge + r.absorbed + r.waived or r.stated is distinct from r.due;

    return query
    select 'I10', format('lease %s: %s past its grace', l.lease_id, l.state)
    from billing.lease l
    left join billing.edge e on e.edge_id = l.edge_id and e.epoch = l.epoch
    where l.state = 'closing' and l.closes_at < v_now - interval '60 seconds'
        or l.state = 'active' and least(greatest(l.expires_at, coalesce(e.extended_until, l.expires_at)), l.ends_at)
            < v_now - interval '60 seconds'
    union all
    select 'I10', format('generation %s: its claim is past due', c.generation_id)
    from billing.claim c where c.due_at < v_now - interval '60 seconds'
    union all
    select 'I10', format('generation %s: the edge''s word is past due', w.generation_id)
    from billing.witness w where w.due_at < v_now - interval '60 seconds';

    return query
    select 'I12', format('provider %s response %s billed %s times', u.provider, u.provider_response_id, count(*))
    from billing.usage u
    where u.settled_at >= p_since and u.provider_response_id <> '' and u.charge > 0
    group by u.provider, u.provider_response_id having count(*) > 1;
end
$$;
