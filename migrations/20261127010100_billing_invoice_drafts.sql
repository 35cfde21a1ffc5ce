-- Billing: what a closed period's invoices say.
set lock_timeout = '5s';

-- What a kind of transfer is to invoices: `usage` is charged by generation, `fee` by itself, `credit` may pay an
-- invoice, `internal` is no business of the customer's; everything else moves credit and nothing more.
create function billing.invoice_part(kind text) returns text language sql immutable parallel safe as $$
    select case
        when kind in ('usage', 'byok_fee') then 'usage'
        when kind in ('purchase_fee') then 'fee'
        when kind in ('promotion', 'adjustment', 'expiry') then 'credit'
        when kind in ('provider_cost', 'rounding', 'tax', 'purchase_tax', 'clearing') then 'internal'
        else 'movement' end
$$;

-- Drafts the invoice of each tenant that the oldest closed period has anything of which is not drafted yet.
-- Answers the period, null when there was none. Nothing is written into a closed period, so whoever does this again,
-- or later, comes to the same.
create function billing.draft_invoices() returns bigint language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_period billing.period;
begin
    -- Whoever comes second waits, however long that takes.
    perform set_config('lock_timeout', '0', true);
    perform pg_advisory_xact_lock(7305803385002);
    select * into v_period from billing.period
    where state = 'closed' and drafted_at is null order by period_id limit 1;
    if v_period.period_id is null then
        return null;
    end if;

    with moved as materialized (
        select t.tenant_id, t.kind, billing.invoice_part(t.kind) as part, count(*) as transfers,
            sum(t.amount)::bigint as amount,
            sum(case when t.credit_account = e.credit_account_id then t.amount
                when t.debit_account = e.credit_account_id then -t.amount else 0 end)::bigint as moved,
            bool_or(e.credit_account_id in (t.credit_account, t.debit_account)) as is_on_account
        from billing.transfer t join billing.tenant e on e.tenant_id = t.tenant_id
        where t.period_id = v_period.period_id and billing.invoice_part(t.kind) <> 'internal'
        group by t.tenant_id, t.kind
    ), used as materialized (
        select u.tenant_id, case when u.is_byok then 'own_key' else 'usage' end as kind, coalesce(u.model, '') as model,
            coalesce(u.provider, '') as provider, coalesce(max(u.provider_name), '') as provider_name,
            u.occurred_at < v_period.opened_at as late, min(u.occurred_at) as first_at,
            max(u.occurred_at) as last_at, count(*) as requests,
            array[sum(u.input), sum(u.cache_read), sum(u.cache_write_5m), sum(u.cache_write_1h), sum(u.output),
                sum(u.reasoning), sum(u.audio_input), sum(u.audio_output), sum(u.image), sum(u.request),
                sum(u.image_input), sum(u.image_output), sum(u.picture), sum(u.character), sum(u.second),
                sum(u.search_unit)]::bigint[] as units,
            sum(u.provider_cost)::bigint as provider_cost, sum(u.due - u.provider_cost)::bigint as markup,
            sum(u.due - u.charge)::bigint as waived, sum(u.charge)::bigint as amount
        from billing.usage u
        where u.period_id = v_period.period_id
        group by 1, 2, 3, 4, 6
    ), sums as (
        select x.tenant_id, coalesce(m.moved, 0) as moved, coalesce(m.posted, 0) as posted,
            coalesce(m.fees, 0) as fees, coalesce(m.credited, 0) as credited, coalesce(u.used, 0) as used
        from (select m.tenant_id from moved m where m.is_on_account or m.part = 'fee'
            union select u.tenant_id from used u) x
        left join (
            select m.tenant_id, sum(m.moved)::bigint as moved,
                (sum(m.amount) filter (where m.part = 'usage'))::bigint as posted,
                (sum(m.amount) filter (where m.part = 'fee'))::bigint as fees,
                (sum(m.moved) filter (where m.part = 'credit'))::bigint as credited
            from moved m group by 1) m using (tenant_id)
        left join (select u.tenant_id, sum(u.amount)::bigint as used from used u group by 1) u using (tenant_id)
    ), frozen as (
        -- An invoice whose usage is not what was posted for it is not to be sent to anyone.
        insert into billing.invoicing_freeze (tenant_id, reason, frozen_at)
        select s.tenant_id, format('period %s: usage comes to %s, its transfers to %s', v_period.period_id, s.used,
            s.posted), v_now
        from sums s where s.used <> s.posted
        on conflict do nothing
    ), drafted as (
        insert into billing.invoice
            (tenant_id, period_id, payment, drafted_at, charges, covered, carried, opening, closing)
        select s.tenant_id, v_period.period_id, s.payment, v_now, s.charges,
            case when s.payment = 'prepaid' then s.charges else s.fees + least(s.used, s.usable) end,
            case when s.payment = 'prepaid' then 0 else greatest(s.usable - s.used, 0) end,
            s.opening, s.opening + s.moved
        from (
            -- Fees are paid with the purchase that they are for.
            select s.tenant_id, billing.payment_terms(s.tenant_id) as payment, s.moved, s.used, s.fees,
                s.used + s.fees as charges,
                coalesce(l.closing, 0) as opening,
                greatest(s.credited + case when l.payment = 'postpaid' then l.carried
                    else greatest(coalesce(l.closing, 0), 0) end, 0) as usable
            from sums s
            left join lateral (select i.closing, i.payment, i.carried from billing.invoice i
                where i.tenant_id = s.tenant_id and i.period_id < v_period.period_id
                order by i.period_id desc limit 1) l on true
        ) s
        returning invoice_id, tenant_id
    ), movements as (
        insert into billing.invoice_movement (invoice_id, kind, transfers, amount)
        select d.invoice_id, m.kind, m.transfers, m.moved
        from moved m join drafted d using (tenant_id) where m.is_on_account
    )
    insert into billing.invoice_line (invoice_id, n, kind, model, provider, provider_name, late, first_at, last_at,
        requests, units, provider_cost, markup, waived, amount)
    select d.invoice_id,
        row_number() over (partition by d.invoice_id
            order by l.late, l.place, l.kind, l.model collate "C", l.provider collate "C"),
        l.kind, l.model, l.provider, l.provider_name, l.late, l.first_at, l.last_at, l.requests, l.units,
        l.provider_cost, l.markup, l.waived, l.amount
    from drafted d
    join (
        select u.tenant_id, case u.kind when 'usage' then 0 else 1 end as place, u.kind, u.model, u.provider,
            u.provider_name, u.late, u.first_at, u.last_at, u.requests, u.units, u.provider_cost, u.markup, u.waived,
            u.amount
        from used u
        union all
        select m.tenant_id, 2, m.kind, '', '', '', false, null, null, m.transfers, '{}', 0, m.amount, 0, m.amount
        from moved m where m.part = 'fee'
    ) l using (tenant_id);

    update billing.period set drafted_at = v_now where period_id = v_period.period_id;
    return v_period.period_id;
end
$$;

-- Nano-USD and cents as documents write them: USD with nine and with two decimals.
create function billing.usd(nano bigint) returns text language sql immutable strict parallel safe as $$
    select case when nano < 0 then '-' else '' end || (abs(nano::numeric) / 1000000000)::numeric(30, 9)::text
$$;
create function billing.usd_cents(cents bigint) returns text language sql immutable strict parallel safe as $$
    select case when cents < 0 then '-' else '' end || (abs(cents::numeric) / 100)::numeric(30, 2)::text
$$;

-- Nano-USD to the nearest cent, half to even.
create function billing.to_cents(nano bigint) returns bigint language sql immutable strict parallel safe as $$
    select billing.round_half_even(nano::numeric / 10000000)::bigint
$$;

-- A time as documents write it.
create function billing.stamp(at timestamptz) returns text language sql immutable strict parallel safe as $$
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Units by class, those that were used.
create function billing.units_json(units bigint[]) returns jsonb language sql immutable strict parallel safe as $$
    select coalesce(jsonb_object_agg(c.class, u.n), '{}')
    from unnest(array['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning', 'audio_input',
        'audio_output', 'image', 'request', 'image_input', 'image_output', 'picture', 'character', 'second',
        'search_unit']) with ordinality c(class, place)
    join unnest(units) with ordinality u(n, place) using (place)
    where u.n <> 0
$$;

-- Whom a document of this tenant's is made out to. Without a profile it names the tenant and applies no tax.
create function billing.customer_json(p_tenant uuid) returns jsonb language sql stable as $$
    select coalesce((
        select jsonb_build_object('tenant_id', p.tenant_id, 'name', p.name, 'address', to_jsonb(p.address),
            'country', p.country, 'tax_id', p.tax_id, 'email', p.email, 'reference', p.reference)
        from billing.billing_profile p where p.tenant_id = p_tenant),
        jsonb_build_object('tenant_id', p_tenant, 'name', 'Organisation ' || p_tenant, 'address', '[]'::jsonb,
            'country', '', 'tax_id', '', 'email', '', 'reference', ''))
$$;

-- The document of an invoice, as far as the invoice goes: what `billing.issue` adds is its number and its place in
-- the chain. `p_net`, `p_tax` and `p_total` are cents.
create function billing.invoice_body(p_invoice billing.invoice, p_tax_kind text, p_tax_bps integer, p_net bigint,
    p_tax bigint, p_due date) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'invoice_id', p_invoice.invoice_id,
        'period', (select jsonb_build_object('id', p.period_id, 'from', billing.stamp(p.opened_at),
            'to', billing.stamp(p.closed_at)) from billing.period p where p.period_id = p_invoice.period_id),
        'customer', billing.customer_json(p_invoice.tenant_id),
        'payment', p_invoice.payment,
        'lines', coalesce((select jsonb_agg(jsonb_build_object('kind', l.kind, 'model', l.model,
                'provider', l.provider, 'provider_name', l.provider_name, 'late', l.late,
                'first_at', billing.stamp(l.first_at), 'last_at', billing.stamp(l.last_at),
                'requests', l.requests, 'units', billing.units_json(l.units),
                'provider_cost', billing.usd(l.provider_cost), 'markup', billing.usd(l.markup),
                'waived', billing.usd(l.waived), 'amount', billing.usd(l.amount)) order by l.n)
            from billing.invoice_line l where l.invoice_id = p_invoice.invoice_id), '[]'),
        'account', jsonb_build_object('opening', billing.usd(p_invoice.opening),
            'movements', coalesce((select jsonb_agg(jsonb_build_object('kind', m.kind, 'transfers', m.transfers,
                    'amount', billing.usd(m.amount)) order by m.amount < 0, m.kind collate "C")
                from billing.invoice_movement m where m.invoice_id = p_invoice.invoice_id), '[]'),
            'closing', billing.usd(p_invoice.closing)),
        'tax', jsonb_build_object('treatment', p_tax_kind, 'basis_points', p_tax_bps),
        'totals', (select jsonb_build_object('provider_cost', billing.usd(coalesce(sum(l.provider_cost), 0)::bigint),
                'markup', billing.usd(coalesce(sum(l.markup), 0)::bigint),
                'waived', billing.usd(coalesce(sum(l.waived), 0)::bigint))
            from billing.invoice_line l where l.invoice_id = p_invoice.invoice_id)
            || jsonb_build_object('charges', billing.usd(p_invoice.charges),
            'covered_by_credit', billing.usd(p_invoice.covered),
            'unrounded', billing.usd(p_invoice.charges - p_invoice.covered),
            'rounding', billing.usd(p_net * 10000000 - (p_invoice.charges - p_invoice.covered)),
            'net', billing.usd_cents(p_net), 'tax', billing.usd_cents(p_tax),
            'total', billing.usd_cents(p_net + p_tax), 'amount_due', billing.usd_cents(p_net + p_tax)),
        'due_on', to_char(p_due, 'YYYY-MM-DD'))
$$;
