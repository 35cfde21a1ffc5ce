-- Billing: the fee for what a tenant's own credentials serve, in the ledger and in the invariants that watch it.
set lock_timeout = '5s';

insert into billing.account (account_id, kind, code)
values (billing.platform_account('revenue_byok'), 'platform', 'revenue_byok');

-- Nano-USD that `units` come to: exact products, one division, one rounding. A markup below -10,000 is taken for
-- that: nobody is paid for buying. Fails when it is out of range.
create or replace function billing.charge(base bigint[], tiers jsonb, units bigint[], markup_bps integer) returns bigint
language plpgsql immutable parallel safe as $$
declare
    v_rates bigint[] := billing.rates_for(base, tiers,
        units[1] + units[2] + units[3] + units[4] + units[7] + coalesce(units[11], 0));
    v_picos numeric := 0;
begin
    for v_class in 1 .. 16 loop
        v_picos := v_picos + coalesce(units[v_class], 0)::numeric * v_rates[v_class];
    end loop;
    return billing.round_half_even(v_picos * (10000 + greatest(markup_bps, -10000)) * 0.0000001)::bigint;
end
$$;

-- How the ledger calls the charge of a usage, and the platform's side of it.
create function billing.charge_kind(is_byok boolean) returns text language sql immutable parallel safe as $$
    select case when is_byok then 'byok_fee' else 'usage' end
$$;

create function billing.charge_revenue(is_byok boolean) returns uuid language sql immutable parallel safe as $$
    select billing.platform_account(case when is_byok then 'revenue_byok' else 'revenue' end)
$$;

-- The ledger. What a tenant's own credential served is paid for by the tenant: there our charge is a fee.
create or replace function billing.write_transfers(p_records billing.record[], p_period bigint, p_now timestamptz)
returns void language plpgsql as $$
begin
    insert into billing.transfer
        (source_id, kind, debit_account, credit_account, amount, tenant_id, period_id, posted_at)
    select r.generation_id, billing.charge_kind(r.is_byok), t.credit_account_id, billing.charge_revenue(r.is_byok),
        r.charge, r.tenant_id, p_period, p_now
    from unnest(p_records) r join billing.tenant t on t.tenant_id = r.tenant_id
    where r.charge > 0 and t.tenant_id = any (array(select x.tenant_id from unnest(p_records) x));
    perform billing.write_provider_costs(p_records, p_period, p_now);
end
$$;

-- Usage has its transfers, of the same amounts and the right kind.
create or replace function billing.invariant_3(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I3', format('generation %s: charge %s, its transfer says %s', u.generation_id, u.charge, t.amount)
    from billing.usage u
    left join billing.tenant e on e.tenant_id = u.tenant_id
    left join billing.transfer t on t.source_id = u.generation_id and t.kind = billing.charge_kind(u.is_byok)
        and t.leg = 0
    where u.settled_at >= p_since
        and (coalesce(t.amount, 0) <> u.charge
            or t.debit_account is distinct from case when u.charge > 0 then e.credit_account_id end
            or t.credit_account is distinct from case when u.charge > 0 then billing.charge_revenue(u.is_byok) end)
    union all
    select 'I3', format('generation %s: provider cost %s, its transfer says %s',
        u.generation_id, u.provider_cost, t.amount)
    from billing.usage u
    left join billing.transfer t on t.source_id = u.generation_id and t.kind = 'provider_cost' and t.leg = u.execution
    where u.settled_at >= p_since and coalesce(t.amount, 0) <> u.provider_cost;
end
$$;

-- A transfer for usage has its usage, and a fee that of a tenant's own credential.
create or replace function billing.invariant_4(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    select 'I4', format('transfer of %s (%s) for generation %s without usage', t.amount, t.kind, t.source_id)
    from billing.transfer t
    where t.kind in ('usage', 'byok_fee') and t.posted_at >= p_since and not exists (select from billing.usage u
        where u.generation_id = t.source_id and u.day = billing.uuid_day(t.source_id)
            and t.kind = billing.charge_kind(u.is_byok));
end
$$;

-- Charges are what the usage comes to at the price and markup that were pinned. With a tenant's own credential the
-- markup takes away from the list price, of which the tenant paid the provider all and we nothing; nothing else is
-- sold below it.
create or replace function billing.invariant_8(p_since timestamptz, p_now timestamptz)
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

    return query
    select 'I8', format('generation %s: own credential %s, markup %s, provider cost %s, list price %s, recomputed %s',
        r.generation_id, r.is_byok, r.markup_bps, r.provider_cost, r.upstream_cost, r.list)
    from (select u.generation_id, u.is_byok, u.markup_bps, u.provider_cost, u.upstream_cost,
            case when not u.is_byok or u.price_version_id is null then 0 else billing.charge(p.base, p.tiers,
                array[u.input, u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output, u.reasoning,
                    u.audio_input, u.audio_output, u.image, u.request, u.image_input, u.image_output, u.picture,
                    u.character, u.second, u.search_unit], 0) end as list
        from billing.usage u left join billing.price_version p using (price_version_id)
        where u.settled_at >= p_since and (u.is_byok or u.upstream_cost <> 0 or u.markup_bps < 0)) r
    where r.upstream_cost is distinct from r.list
        or case when r.is_byok then r.markup_bps > 0 or r.provider_cost <> 0 else r.markup_bps < 0 end;
end
$$;
