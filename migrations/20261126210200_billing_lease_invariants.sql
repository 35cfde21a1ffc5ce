-- Billing: what is true of leases, shared ones among them.
set lock_timeout = '5s';

-- Nothing is charged above its reservation, no lease gives more than was granted or other than was taken, and no
-- balance is negative.
create or replace function billing.invariant_6(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I6', format('generation %s: charge %s above its reservation of %s', u.generation_id, u.charge, u.reserved)
    from billing.usage u where u.settled_at >= p_since and u.charge > u.reserved
    union all
    select 'I6', format('account %s window %s: posted %s held %s', b.account_id, b.window_start, b.posted, b.held)
    from billing.balance b where b.strict and (b.posted < 0 or b.held > b.posted)
    union all
    -- A shared lease may have served before `p_since` as well.
    select 'I6', format('lease %s: consumed %s of %s, its generations took %s', l.lease_id, l.consumed, l.granted,
        coalesce(u.taken, 0))
    from (select x.lease_id, sum(coalesce(t.amount, u.charge)) as taken
        from billing.usage u
        cross join lateral unnest(u.lease_ids) x(lease_id)
        left join billing.take t on t.generation_id = u.generation_id and t.lease_id = x.lease_id
        where u.settled_at >= p_since group by 1) u
    join billing.lease l on l.lease_id = u.lease_id
    where l.consumed > l.granted
        or case when l.single or l.created_at >= p_since then l.consumed <> u.taken else l.consumed < u.taken end;
end
$$;

-- Nothing waits past its time. What its edge is done with waits for claims and edges' words, which have a time of
-- their own.
create or replace function billing.invariant_10(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I10', format('lease %s: %s past its grace', l.lease_id, l.state)
    from billing.lease l
    left join billing.edge e on e.edge_id = l.edge_id and e.epoch = l.epoch
    where l.state = 'closing' and l.closes_at < p_now - interval '60 seconds'
            and (not l.is_done
                or not exists (select from billing.claim c where l.lease_id = any (c.lease_ids))
                    and not exists (select from billing.witness w where l.lease_id = any (w.lease_ids)))
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
