-- Billing: reading the ledger. Each function answers the JSON that the admin API shows, and can be called from
-- psql as well.
set lock_timeout = '5s';

create unique index seal_end on billing.seal (tenant_id, end_xid);

-- Messages that were set aside are kept; what people decided of each is written beside it.
alter table billing.parked
    add column decision text check (decision in ('retry', 'drop')),
    add column decided_at timestamptz,
    add column decided_by text,
    add column reason text,
    add check ((decision is null) = (decided_at is null));
create index parked_waiting on billing.parked (parked_id) where decision is null;
grant update on billing.parked to patchbay_billing;

-- Nano-USD as a decimal string of USD; exact.
create function billing.usd_exact(nano numeric) returns text language sql immutable strict parallel safe as $$
    select trim_scale(nano * 0.000000001)::text
$$;

create function billing.iso(at timestamptz) returns text language sql immutable strict parallel safe as $$
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- The account that a code or an id names; null = there is none.
create function billing.named_account(p_name text) returns uuid language sql stable as $$
    select a.account_id from billing.account a
    where a.account_id = coalesce(
        case when p_name ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_name::uuid end,
        billing.platform_account(p_name))
$$;

create function billing.account_json(p_account uuid) returns jsonb language sql stable as $$
    select coalesce((select jsonb_strip_nulls(jsonb_build_object('account_id', a.account_id, 'kind', a.kind,
            'code', a.code, 'tenant_id', a.tenant_id, 'key_id', a.key_id))
        from billing.account a where a.account_id = p_account), jsonb_build_object('account_id', p_account))
$$;

-- The block that a transfer is sealed in; null = not yet.
create function billing.block_of(t billing.transfer) returns bigint language sql stable as $$
    select s.block from (select x.block, x.first_xid from billing.seal x
        where x.tenant_id = t.tenant_id and x.end_xid > t.xid order by x.end_xid limit 1) s
    where s.first_xid <= t.xid
$$;

create function billing.transfer_json(t billing.transfer) returns jsonb language sql stable as $$
    select jsonb_build_object('source_id', t.source_id, 'kind', t.kind, 'leg', t.leg, 'tenant_id', t.tenant_id,
        'debit', billing.account_json(t.debit_account), 'credit', billing.account_json(t.credit_account),
        'amount', billing.usd_exact(t.amount), 'period_id', t.period_id, 'posted_at', billing.iso(t.posted_at),
        'note', t.note, 'transaction', t.xid::text, 'block', billing.block_of(t))
$$;

-- Transfers, the newest transaction first. `p_filter`: tenant, kind, account (code or id), source, from, until
-- (times), least, most (nano-USD), after (`next` of the page before), limit. Without a tenant, a source and a time only
-- the last day is looked at.
create function billing.list_transfers(p_filter jsonb) returns jsonb language plpgsql stable as $$
declare
    v_limit integer := least(greatest(coalesce((p_filter ->> 'limit')::integer, 50), 1), 500);
    v_after text[] := string_to_array(p_filter ->> 'after', '/');
    v_from timestamptz := coalesce((p_filter ->> 'from')::timestamptz,
        case when p_filter ?| array['tenant', 'source', 'until'] then 'epoch' else billing.clock() - interval '1 day' end);
    v_where text := format('t.posted_at >= %L', v_from);
    v_rows jsonb;
begin
    if p_filter ? 'until' then
        v_where := v_where || format(' and t.posted_at < %L', (p_filter ->> 'until')::timestamptz);
    end if;
    if p_filter ? 'tenant' then
        v_where := v_where || format(' and t.tenant_id = %L', (p_filter ->> 'tenant')::uuid);
    end if;
    if p_filter ? 'source' then
        v_where := v_where || format(' and t.source_id = %L', (p_filter ->> 'source')::uuid);
    end if;
    if p_filter ? 'kind' then
        v_where := v_where || format(' and t.kind = %L', p_filter ->> 'kind');
    end if;
    if p_filter ? 'account' then
        v_where := v_where || format(' and %L in (t.debit_account, t.credit_account)',
            coalesce(billing.named_account(p_filter ->> 'account'), '00000000-0000-0000-0000-000000000000'));
    end if;
    if p_filter ? 'least' then
        v_where := v_where || format(' and t.amount >= %L', (p_filter ->> 'least')::bigint);
    end if;
    if p_filter ? 'most' then
        v_where := v_where || format(' and t.amount <= %L', (p_filter ->> 'most')::bigint);
    end if;
    if v_after is not null then
        -- The first condition is what an index can use.
        v_where := v_where || format(
            ' and t.xid <= %1$L::xid8 and (t.xid, t.source_id, t.kind collate "C", t.leg) < (%1$L::xid8, %2$L::uuid, %3$L, %4$L::smallint)',
            v_after[1], v_after[2], v_after[3], v_after[4]);
    end if;
    execute format('select coalesce(jsonb_agg(billing.transfer_json(q.entry) || jsonb_build_object(''cursor'',
            concat_ws(''/'', (q.entry).xid, (q.entry).source_id, (q.entry).kind, (q.entry).leg)) order by q.place), ''[]'')
        from (select t as entry, row_number() over (order by t.xid desc, t.source_id desc, t.kind collate "C" desc, t.leg desc) as place
            from billing.transfer t where %s
            order by t.xid desc, t.source_id desc, t.kind collate "C" desc, t.leg desc limit %s) q',
        v_where, v_limit) into v_rows;
    return jsonb_build_object('data', (select coalesce(jsonb_agg(r.value - 'cursor' order by r.place), '[]')
            from jsonb_array_elements(v_rows) with ordinality r(value, place)),
        'next', case when jsonb_array_length(v_rows) = v_limit then v_rows -> -1 -> 'cursor' end);
end
$$;

-- What the platform's accounts come to, and what all tenants' credit comes to beside them.
create function billing.list_accounts() returns jsonb language plpgsql stable as $$
begin
    return (
        with sums as materialized (select * from billing.account_sums()),
        listed as (
            select a.code, a.account_id, s.debited, s.credited,
                a.code ~ '^(cash|cash_clearing|promo_expense|revenue_refunds|cogs:.*|cogs_variance:.*)$' as is_debit
            from billing.account a left join sums s on s.account_id = a.account_id
            where a.kind = 'platform'
            union all
            select 'tenant_credit', null, sum(s.debited), sum(s.credited), false
            from sums s join billing.account a on a.account_id = s.account_id and a.kind = 'credit'
        )
        select jsonb_build_object(
            'data', jsonb_agg(jsonb_build_object('code', l.code, 'account_id', l.account_id,
                'normal', case when l.is_debit then 'debit' else 'credit' end,
                'debited', billing.usd_exact(coalesce(l.debited, 0)), 'credited', billing.usd_exact(coalesce(l.credited, 0)),
                'balance', billing.usd_exact(coalesce(case when l.is_debit then l.debited - l.credited
                    else l.credited - l.debited end, 0))) order by l.code collate "C"),
            'debited', billing.usd_exact(coalesce(sum(l.debited), 0)), 'credited', billing.usd_exact(coalesce(sum(l.credited), 0)),
            'sealed_below', (select m.below::text from billing.seal_mark m))
        from listed l);
end
$$;

create function billing.seal_json(s billing.seal) returns jsonb language sql stable as $$
    select jsonb_build_object('tenant_id', s.tenant_id, 'block', s.block, 'first_transaction', s.first_xid::text,
        'end_transaction', s.end_xid::text, 'transfers', s.entries, 'sha256', encode(s.sha256, 'hex'),
        'prev_sha256', encode(s.prev_sha256, 'hex'), 'sealed_at', billing.iso(s.sealed_at))
$$;

-- A tenant's blocks, the newest first; without a tenant the newest block of every one, which is what to keep
-- elsewhere: whoever holds it can tell whether anything before was changed.
create function billing.list_seals(p_tenant uuid, p_after text, p_limit integer) returns jsonb
language plpgsql stable as $$
declare
    v_limit integer := least(greatest(coalesce(p_limit, 0), 1), 500);
    v_rows jsonb;
begin
    if p_tenant is not null then
        select jsonb_agg(billing.seal_json(s) order by s.block desc) into v_rows
        from (select x as s from billing.seal x where x.tenant_id = p_tenant
                and x.block < coalesce(nullif(p_after, '')::bigint, 9223372036854775807)
            order by x.block desc limit v_limit) q cross join lateral (select (q.s).*) s;
    else
        select jsonb_agg(billing.seal_json(s) order by s.tenant_id) into v_rows
        from (select h.* from (select e.tenant_id from billing.tenant e
                union select '00000000-0000-0000-0000-000000000000') t
            cross join lateral (select * from billing.seal x where x.tenant_id = t.tenant_id
                order by x.block desc limit 1) h
            where p_after = '' or t.tenant_id > nullif(p_after, '')::uuid
            order by h.tenant_id limit v_limit) s;
    end if;
    v_rows := coalesce(v_rows, '[]');
    return jsonb_build_object('data', v_rows, 'next', case when jsonb_array_length(v_rows) = v_limit
            then v_rows -> -1 ->> case when p_tenant is null then 'tenant_id' else 'block' end end,
        'mark', (select jsonb_build_object('below', m.below::text, 'blocks', m.blocks, 'transfers', m.entries,
            'sealed_at', billing.iso(m.sealed_at)) from billing.seal_mark m));
end
$$;

create function billing.verification(p_tenant uuid) returns jsonb language sql stable as $$
    select jsonb_build_object(
        'faults', (select coalesce(jsonb_agg(jsonb_build_object('tenant_id', v.tenant_id, 'block', v.block, 'fault', v.fault)
            order by v.tenant_id, v.block), '[]') from billing.verify_seals(p_tenant) v),
        'blocks', count(*), 'transfers', coalesce(sum(s.entries), 0),
        'sealed_below', (select m.below::text from billing.seal_mark m))
    from billing.seal s where p_tenant is null or s.tenant_id = p_tenant
$$;

-- The charge of a usage, made again step by step. Rates are pico-USD per unit, one division, one rounding.
create function billing.charge_steps(u billing.usage) returns jsonb language plpgsql stable as $$
declare
    c_classes constant text[] := array['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning',
        'audio_input', 'audio_output', 'image', 'request', 'image_input', 'image_output', 'picture', 'character',
        'second', 'search_unit'];
    v_units bigint[] := array[u.input, u.cache_read, u.cache_write_5m, u.cache_write_1h, u.output, u.reasoning,
        u.audio_input, u.audio_output, u.image, u.request, u.image_input, u.image_output, u.picture, u.character,
        u.second, u.search_unit];
    v_prompt bigint := u.input + u.cache_read + u.cache_write_5m + u.cache_write_1h + u.audio_input + u.image_input;
    v_price billing.price_version;
    v_rates bigint[];
    v_picos numeric;
    v_steps jsonb;
    v_due bigint;
begin
    select * into v_price from billing.price_version p where p.price_version_id = u.price_version_id;
    if not found then
        return null;
    end if;
    v_rates := billing.rates_for(v_price.base, v_price.tiers, v_prompt);
    select sum(x.units::numeric * x.rate), jsonb_agg(jsonb_build_object('class', x.class, 'units', x.units,
            'rate_picos', x.rate, 'picos', x.units::numeric * x.rate) order by x.place) filter (where x.units > 0)
        into v_picos, v_steps
    from unnest(c_classes, v_units, v_rates) with ordinality x(class, units, rate, place);
    v_due := billing.charge(v_price.base, v_price.tiers, v_units, u.markup_bps);
    return jsonb_build_object(
        'price_version', jsonb_build_object('price_version_id', v_price.price_version_id, 'provider', v_price.provider,
            'model', v_price.model, 'endpoint_id', v_price.endpoint_id, 'base', to_jsonb(v_price.base),
            'tiers', v_price.tiers, 'stored_at', billing.iso(v_price.stored_at)),
        'prompt_tokens', v_prompt,
        'steps', coalesce(v_steps, '[]'),
        'picos', v_picos,
        'markup_basis_points', u.markup_bps,
        'exact', billing.usd_exact(v_picos * (10000 + u.markup_bps) * 0.0000001),
        'due', billing.usd_exact(v_due),
        'stated_due', billing.usd_exact(u.due),
        'agrees', v_due = u.due and u.due = u.charge + u.absorbed + u.waived);
end
$$;

-- Where a generation's money went: usage, price, charge step by step, leases, transfers with their blocks, period,
-- invoice. Null = it is not known. Of a generation that has not settled only what waits.
create function billing.money(p_generation uuid) returns jsonb language plpgsql stable as $$
declare
    u billing.usage;
    v_invoice jsonb;
begin
    select * into u from billing.usage x
    where x.generation_id = p_generation and x.day = billing.uuid_day(p_generation);
    if not found then
        return (select jsonb_build_object('generation_id', p_generation, 'state', 'waiting',
                'claims', coalesce(jsonb_agg(jsonb_build_object('execution', c.execution,
                    'received_at', billing.iso(c.received_at), 'due_at', billing.iso(c.due_at))), '[]'),
                'witness', (select jsonb_build_object('outcome', w.outcome, 'received_at', billing.iso(w.received_at),
                    'due_at', billing.iso(w.due_at)) from billing.witness w where w.generation_id = p_generation))
            from billing.claim c where c.generation_id = p_generation
            having count(*) > 0 or exists (select from billing.witness w where w.generation_id = p_generation));
    end if;
    select jsonb_build_object('invoice_id', i.invoice_id, 'state', i.state, 'number', i.number, 'lines',
        coalesce(jsonb_agg(jsonb_build_object('n', l.n, 'kind', l.kind, 'late', l.late, 'requests', l.requests,
            'amount', billing.usd_exact(l.amount)) order by l.n) filter (where l.n is not null), '[]'))
    into v_invoice
    from billing.invoice i
    left join billing.invoice_line l on l.invoice_id = i.invoice_id
        and l.kind = case when u.is_byok then 'own_key' else 'usage' end
        and (l.model, l.provider) = (coalesce(u.model, ''), coalesce(u.provider, ''))
    where i.tenant_id = u.tenant_id and i.period_id = u.period_id
    group by i.invoice_id;
    return jsonb_build_object(
        'generation_id', p_generation, 'state', 'settled',
        'usage', to_jsonb(u) || jsonb_build_object('reserved', billing.usd_exact(u.reserved), 'due', billing.usd_exact(u.due),
            'charge', billing.usd_exact(u.charge), 'absorbed', billing.usd_exact(u.absorbed), 'waived', billing.usd_exact(u.waived),
            'provider_cost', billing.usd_exact(u.provider_cost), 'upstream_cost', billing.usd_exact(u.upstream_cost)),
        'settlement', (select to_jsonb(s) from billing.settlement s where s.generation_id = p_generation),
        'charge', billing.charge_steps(u),
        'leases', (select coalesce(jsonb_agg(jsonb_build_object('lease_id', l.lease_id, 'account',
                billing.account_json(l.account_id), 'window_start', billing.iso(l.window_start), 'edge_id', l.edge_id,
                'epoch', l.epoch, 'granted', billing.usd_exact(l.granted), 'consumed', billing.usd_exact(l.consumed), 'single', l.single,
                'state', l.state, 'reason', l.reason, 'created_at', billing.iso(l.created_at)) order by l.lease_id), '[]')
            from billing.lease l where l.lease_id = any (u.lease_ids)),
        'attempts', (select coalesce(jsonb_agg(jsonb_build_object('execution', a.execution, 'n', a.n, 'provider_name',
                a.provider_name, 'model', a.model, 'status', a.status, 'outcome', a.outcome,
                'provider_cost', billing.usd_exact(a.provider_cost)) order by a.execution, a.n), '[]')
            from billing.attempt a where a.generation_id = p_generation),
        'transfers', (select coalesce(jsonb_agg(billing.transfer_json(t) || jsonb_build_object('seal',
                (select billing.seal_json(s) from billing.seal s
                    where s.tenant_id = t.tenant_id and s.block = billing.block_of(t))) order by t.kind, t.leg), '[]')
            from billing.transfer t where t.source_id = p_generation),
        'period', (select to_jsonb(p) from billing.period p where p.period_id = u.period_id),
        'invoice', v_invoice);
end
$$;

-- Money from the payment provider has arrived. Answers what is still on its way, of what is posted.
create function billing.record_payout(p_amount bigint, p_source text, p_note text) returns bigint language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_source uuid := md5('payout/' || p_source)::uuid;
begin
    insert into billing.account (account_id, kind, code)
    values (billing.platform_account('cash'), 'platform', 'cash') on conflict do nothing;
    insert into billing.transfer
        (source_id, kind, debit_account, credit_account, amount, tenant_id, period_id, posted_at, note)
    values (v_source, 'payout', billing.platform_account('cash'), billing.platform_account('cash_clearing'), p_amount,
        '00000000-0000-0000-0000-000000000000', v_period, billing.clock(), p_note)
    on conflict do nothing;
    if not exists (select from billing.transfer t
        where t.source_id = v_source and t.kind = 'payout' and t.leg = 0 and t.amount = p_amount)
    then
        raise exception 'the source was used for another amount' using errcode = 'PB409';
    end if;
    return (select s.debited - s.credited from billing.account_sums() s
        where s.account_id = billing.platform_account('cash_clearing'));
end
$$;
