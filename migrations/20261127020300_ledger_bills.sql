-- Billing: what providers bill, compared with what we say we owe them, and paid.
set lock_timeout = '5s';

-- A bill as it was imported; one file is one bill. queued -> comparing -> compared, or failed.
create table billing.provider_bill (
    bill_id uuid primary key default gen_random_uuid(),
    provider text not null check (provider <> ''),
    format text not null,
    -- Days of the provider's clock, which is UTC; both are part of it.
    first_day date not null,
    last_day date not null,
    file_name text not null,
    sha256 bytea not null check (length(sha256) = 32),
    -- The provider's name of a model -> ours, where the rule for names does not find it.
    models jsonb not null default '{}',
    lines bigint not null,
    amount bigint not null,
    imported_at timestamptz not null,
    imported_by text not null,
    state text not null default 'queued' check (state in ('queued', 'comparing', 'compared', 'failed')),
    -- The last day that is compared, and what came of it.
    compared_to date,
    compared_at timestamptz,
    ours bigint,
    error text,
    paid bigint check (paid >= 0),
    paid_at timestamptz,
    check (first_day <= last_day and last_day - first_day <= 400)
);
create unique index provider_bill_file on billing.provider_bill (provider, sha256);
create index provider_bill_waiting on billing.provider_bill (imported_at) where state in ('queued', 'comparing');

create table billing.provider_bill_line (
    bill_id uuid not null references billing.provider_bill,
    line integer not null,
    day date not null,
    request_id text,
    model text not null,
    input bigint,
    output bigint,
    cost bigint not null,
    primary key (bill_id, line)
);
create index provider_bill_line_day on billing.provider_bill_line (bill_id, day);

-- What differs. By request where the bill names requests: `missing_here`, `missing_there`, `amount`; else by model and
-- day, `model_day`. Sums by model over the whole bill are `model`, whether they differ or not.
create table billing.bill_difference (
    bill_id uuid not null references billing.provider_bill,
    n bigint generated always as identity,
    kind text not null check (kind in ('missing_here', 'missing_there', 'amount', 'model_day', 'model')),
    day date,
    model text not null,
    endpoint_ids uuid[] not null default '{}',
    request_id text,
    generation_id uuid,
    tenant_id uuid,
    ours bigint not null,
    theirs bigint not null,
    is_alert boolean not null default false,
    primary key (bill_id, n)
);

-- How providers and we name one model alike: without the author, the variant and the date of a snapshot.
create function billing.model_key(model text) returns text language sql immutable parallel safe as $$
    select regexp_replace(replace(split_part(regexp_replace(lower(coalesce(model, '')), '^.*/', ''), ':', 1), '.', '-'),
        '[-@]?20[0-9]{2}-?[01][0-9]-?[0-3][0-9]$', '')
$$;

-- Keeps a bill and its lines ([{"day", "request_id", "model", "input", "output", "cost"}], nano-USD). The same file of
-- the same provider again changes nothing.
create function billing.import_bill(p_bill jsonb, p_lines jsonb) returns uuid language plpgsql as $$
declare
    v_id uuid;
begin
    insert into billing.provider_bill
        (provider, format, first_day, last_day, file_name, sha256, models, lines, amount, imported_at, imported_by)
    select b.provider, b.format, b.first_day, b.last_day, b.file_name, decode(b.sha256, 'hex'), b.models,
        jsonb_array_length(p_lines), (select coalesce(sum(l.cost), 0) from jsonb_to_recordset(p_lines) l(cost bigint)),
        billing.clock(), b.imported_by
    from jsonb_to_record(p_bill) b(provider text, format text, first_day date, last_day date, file_name text,
        sha256 text, models jsonb, imported_by text)
    on conflict (provider, sha256) do nothing returning bill_id into v_id;
    if v_id is null then
        return (select bill_id from billing.provider_bill
            where provider = p_bill ->> 'provider' and sha256 = decode(p_bill ->> 'sha256', 'hex'));
    end if;
    insert into billing.provider_bill_line (bill_id, line, day, request_id, model, input, output, cost)
    select v_id, (j.place)::integer, l.day, nullif(l.request_id, ''), l.model, l.input, l.output, l.cost
    from jsonb_array_elements(p_lines) with ordinality j(value, place)
    cross join lateral jsonb_to_record(j.value)
        l(day date, request_id text, model text, input bigint, output bigint, cost bigint);
    return v_id;
end
$$;

-- What we say we owe a provider for a day: settled usage, and executions that lost.
create function billing.owed_on(p_provider text, p_day date)
returns table (generation_id uuid, tenant_id uuid, request_id text, model text, endpoint_id uuid, cost bigint)
language plpgsql stable as $$
begin
    return query
    select u.generation_id, u.tenant_id, nullif(u.provider_response_id, ''), u.model, u.endpoint_id, u.provider_cost
    from billing.usage u
    where u.day = p_day and u.provider = p_provider and u.provider_cost > 0;
    return query
    select a.generation_id, a.tenant_id, null::text, a.model, a.endpoint_id, a.provider_cost
    from billing.attempt a
    where a.recorded_at >= (p_day - 1)::timestamp at time zone 'UTC'
        and a.recorded_at < (p_day + 8)::timestamp at time zone 'UTC' and a.provider_cost > 0
        and billing.uuid_day(a.generation_id) = p_day
        and exists (select from billing.transfer t where t.source_id = a.generation_id and t.kind = 'provider_cost'
            and t.leg = a.execution and t.credit_account = billing.platform_account('payable:' || p_provider));
end
$$;
create index attempt_recorded_at on billing.attempt using brin (recorded_at) with (pages_per_range = 16);

-- Compares the next day of the oldest bill that waits, and sums it up after the last one. Answers the bill; null =
-- none waits. A day is one transaction: what stops in between goes on.
create function billing.compare_next() returns uuid language plpgsql set jit = off as $$
declare
    v_bill billing.provider_bill;
    v_day date;
begin
    select * into v_bill from billing.provider_bill b where b.state in ('queued', 'comparing')
    order by b.imported_at limit 1 for update skip locked;
    if not found then
        return null;
    end if;
    v_day := coalesce(v_bill.compared_to + 1, v_bill.first_day);
    if v_day <= v_bill.last_day then
        perform billing.compare_day(v_bill, v_day);
        update billing.provider_bill set state = 'comparing', compared_to = v_day where bill_id = v_bill.bill_id;
    else
        perform billing.sum_up_bill(v_bill);
    end if;
    return v_bill.bill_id;
end
$$;

create function billing.compare_day(p_bill billing.provider_bill, p_day date) returns void language plpgsql as $$
begin
    -- By request, where the bill names it. A request may be several lines.
    insert into billing.bill_difference
        (bill_id, kind, day, model, endpoint_ids, request_id, generation_id, tenant_id, ours, theirs)
    with theirs as (
        select l.request_id, min(l.model) as model, sum(l.cost)::bigint as cost from billing.provider_bill_line l
        where l.bill_id = p_bill.bill_id and l.day = p_day and l.request_id is not null group by 1
    ), ours as (
        select o.* from billing.owed_on(p_bill.provider, p_day) o
    ), known as (
        -- Around midnight the provider's day may be another one than ours.
        select t.request_id, u.generation_id, u.tenant_id, u.endpoint_id, u.model, u.provider_cost as cost
        from theirs t join billing.usage u on u.provider_response_id = t.request_id
        where u.day between p_day - 1 and p_day + 1 and u.provider = p_bill.provider
    )
    select p_bill.bill_id, case when k.request_id is null then 'missing_here' else 'amount' end, p_day,
        coalesce(k.model, t.model), case when k.endpoint_id is null then '{}' else array[k.endpoint_id] end, t.request_id,
        k.generation_id, k.tenant_id, coalesce(k.cost, 0), t.cost
    from theirs t left join known k using (request_id)
    where k.request_id is null and t.cost > 0 or abs(k.cost - t.cost) > greatest(k.cost, t.cost) * 0.005
    union all
    select p_bill.bill_id, 'missing_there', p_day, coalesce(o.model, ''),
        case when o.endpoint_id is null then '{}' else array[o.endpoint_id] end, o.request_id, o.generation_id, o.tenant_id,
        o.cost, 0
    from ours o
    where exists (select from theirs) and not exists (select from billing.provider_bill_line l
        where l.bill_id = p_bill.bill_id and l.day between p_day - 1 and p_day + 1 and l.request_id = o.request_id);

    -- By model.
    insert into billing.bill_difference (bill_id, kind, day, model, endpoint_ids, ours, theirs)
    with theirs as (
        select billing.model_key(coalesce(p_bill.models ->> l.model, l.model)) as model, sum(l.cost)::bigint as cost
        from billing.provider_bill_line l where l.bill_id = p_bill.bill_id and l.day = p_day group by 1
    ), ours as (
        select billing.model_key(o.model) as model, sum(o.cost)::bigint as cost,
            array_agg(distinct o.endpoint_id) filter (where o.endpoint_id is not null) as endpoint_ids
        from billing.owed_on(p_bill.provider, p_day) o group by 1
    )
    select p_bill.bill_id, 'model_day', p_day, model, coalesce(o.endpoint_ids, '{}'), coalesce(o.cost, 0), coalesce(t.cost, 0)
    from ours o full join theirs t using (model);
end
$$;

-- Sums a bill up by model; what differs by more than half a percent is an alert.
create function billing.sum_up_bill(p_bill billing.provider_bill) returns void language plpgsql as $$
declare
    v_ours bigint;
begin
    insert into billing.bill_difference (bill_id, kind, model, endpoint_ids, ours, theirs, is_alert)
    select p_bill.bill_id, 'model', d.model,
        array(select distinct e from billing.bill_difference x, unnest(x.endpoint_ids) e
            where x.bill_id = p_bill.bill_id and x.kind = 'model_day' and x.model = d.model order by e),
        sum(d.ours), sum(d.theirs), abs(sum(d.ours) - sum(d.theirs)) > greatest(sum(d.ours), sum(d.theirs)) * 0.005
    from billing.bill_difference d
    where d.bill_id = p_bill.bill_id and d.kind = 'model_day'
    group by d.model order by d.model;
    select coalesce(sum(d.ours), 0) into v_ours from billing.bill_difference d
    where d.bill_id = p_bill.bill_id and d.kind = 'model';
    update billing.provider_bill set state = 'compared', compared_at = billing.clock(), ours = v_ours
    where bill_id = p_bill.bill_id;
end
$$;

create function billing.fail_bill(p_bill uuid, p_error text) returns void language sql volatile as $$
    update billing.provider_bill set state = 'failed', error = p_error where bill_id = p_bill
$$;

-- Pays a compared bill: what was paid leaves `payable`, and so does the difference to what we said we owed for its days, to
-- `cogs_variance`, so that those days are cleared. Again with the same amount it changes nothing.
create function billing.pay_bill(p_bill uuid, p_amount bigint, p_reference text) returns void language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_bill billing.provider_bill;
    v_payable uuid;
    v_variance uuid;
    v_cash uuid := billing.platform_account('cash');
begin
    select * into v_bill from billing.provider_bill where bill_id = p_bill for update;
    if not found then
        raise exception 'unknown bill' using errcode = 'PB404';
    end if;
    if v_bill.paid is not null then
        if v_bill.paid <> p_amount then
            raise exception 'the bill was paid with another amount' using errcode = 'PB409';
        end if;
        return;
    end if;
    if v_bill.state <> 'compared' then
        raise exception 'the bill is not compared yet' using errcode = 'PB409';
    end if;
    -- One payment at a time, so that no day is cleared twice.
    perform pg_advisory_xact_lock(7305803385021);
    if exists (select from billing.provider_bill b where b.provider = v_bill.provider and b.paid is not null
        and b.first_day <= v_bill.last_day and b.last_day >= v_bill.first_day)
    then
        raise exception 'a paid bill of this provider covers some of its days' using errcode = 'PB409';
    end if;
    v_payable := billing.platform_account('payable:' || v_bill.provider);
    v_variance := billing.platform_account('cogs_variance:' || v_bill.provider);
    insert into billing.account (account_id, kind, code)
    select billing.platform_account(c.code), 'platform', c.code
    from unnest(array['cash', 'payable:' || v_bill.provider, 'cogs_variance:' || v_bill.provider]) c(code)
    order by c.code on conflict do nothing;
    insert into billing.transfer
        (source_id, kind, leg, debit_account, credit_account, amount, tenant_id, period_id, posted_at, note)
    select p_bill, x.kind, 0, x.debit, x.credit, x.amount, '00000000-0000-0000-0000-000000000000', v_period,
        billing.clock(), p_reference
    from (values ('provider_payment', v_payable, v_cash, p_amount),
        ('provider_variance', v_payable, v_variance, v_bill.ours - p_amount),
        ('provider_variance', v_variance, v_payable, p_amount - v_bill.ours)) x(kind, debit, credit, amount)
    where x.amount > 0;
    update billing.provider_bill set paid = p_amount, paid_at = billing.clock() where bill_id = p_bill;
end
$$;

create function billing.bill_json(b billing.provider_bill) returns jsonb language sql stable as $$
    select jsonb_build_object('bill_id', b.bill_id, 'provider', b.provider, 'format', b.format, 'first_day', b.first_day,
        'last_day', b.last_day, 'file_name', b.file_name, 'sha256', encode(b.sha256, 'hex'), 'models', b.models,
        'lines', b.lines, 'amount', billing.usd_exact(b.amount), 'imported_at', billing.iso(b.imported_at),
        'imported_by', b.imported_by, 'state', b.state, 'error', b.error,
        'progress', jsonb_build_object('days', b.last_day - b.first_day + 1,
            'compared', case when b.state = 'compared' then b.last_day - b.first_day + 1
                else coalesce(b.compared_to - b.first_day + 1, 0) end),
        'compared_at', billing.iso(b.compared_at), 'ours', billing.usd_exact(b.ours),
        'difference', billing.usd_exact(b.amount - b.ours),
        'alerts', (select count(*) from billing.bill_difference d where d.bill_id = b.bill_id and d.is_alert),
        'paid', billing.usd_exact(b.paid), 'paid_at', billing.iso(b.paid_at))
$$;

create function billing.list_bills(p_provider text, p_after text, p_limit integer) returns jsonb
language plpgsql stable as $$
declare
    v_limit integer := least(greatest(coalesce(p_limit, 0), 1), 500);
    v_after text[] := string_to_array(nullif(p_after, ''), '/');
    v_rows jsonb;
    v_next text;
begin
    with listed as (
        select b as bill from billing.provider_bill b
        where (p_provider = '' or b.provider = p_provider)
            and (v_after is null or (b.imported_at, b.bill_id) < (v_after[1]::timestamptz, v_after[2]::uuid))
        order by b.imported_at desc, b.bill_id desc limit v_limit)
    select coalesce(jsonb_agg(billing.bill_json(l.bill) order by (l.bill).imported_at desc, (l.bill).bill_id desc), '[]'),
        (array_agg(concat_ws('/', billing.iso((l.bill).imported_at), (l.bill).bill_id)
            order by (l.bill).imported_at, (l.bill).bill_id))[1]
        into v_rows, v_next from listed l;
    return jsonb_build_object('data', v_rows, 'next', case when jsonb_array_length(v_rows) = v_limit then v_next end);
end
$$;

-- A bill, its sums by model, and its differences page by page.
create function billing.show_bill(p_bill uuid, p_after text, p_limit integer) returns jsonb
language plpgsql stable as $$
declare
    v_limit integer := least(greatest(coalesce(p_limit, 0), 1), 500);
    v_bill billing.provider_bill;
    v_rows jsonb;
begin
    select * into v_bill from billing.provider_bill where bill_id = p_bill;
    if not found then
        return null;
    end if;
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('n', d.n, 'kind', d.kind, 'day', d.day, 'model', d.model,
            'endpoint_ids', d.endpoint_ids, 'request_id', d.request_id, 'generation_id', d.generation_id,
            'tenant_id', d.tenant_id, 'ours', billing.usd_exact(d.ours), 'theirs', billing.usd_exact(d.theirs)))
            order by d.n), '[]') into v_rows
    from (select * from billing.bill_difference x
        where x.bill_id = p_bill and x.kind <> 'model' and x.ours <> x.theirs
            and x.n > coalesce(nullif(p_after, '')::bigint, 0)
        order by x.n limit v_limit) d;
    return billing.bill_json(v_bill) || jsonb_build_object(
        'by_model', (select coalesce(jsonb_agg(jsonb_build_object('model', d.model, 'endpoint_ids', d.endpoint_ids,
                'ours', billing.usd_exact(d.ours), 'theirs', billing.usd_exact(d.theirs), 'is_alert', d.is_alert)
                order by d.model), '[]')
            from billing.bill_difference d where d.bill_id = p_bill and d.kind = 'model'),
        'differences', v_rows,
        'next', case when jsonb_array_length(v_rows) = v_limit then v_rows -> -1 ->> 'n' end);
end
$$;

do $$
declare
    v_table text;
begin
    foreach v_table in array array['provider_bill', 'provider_bill_line', 'bill_difference'] loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert on billing.%I to patchbay_billing', v_table);
        execute format('create policy report_reads on billing.%I for select to patchbay_report using (true)', v_table);
        execute format('grant select on billing.%I to patchbay_report', v_table);
    end loop;
end
$$;
grant update on billing.provider_bill to patchbay_billing;

create view report.provider_bills with (security_invoker = true) as
select b.bill_id, b.provider, b.first_day, b.last_day, b.file_name, b.state, b.amount, b.ours, b.paid, b.imported_at,
    b.compared_at, b.paid_at
from billing.provider_bill b;
create view report.bill_differences with (security_invoker = true) as
select d.bill_id, d.n, d.kind, d.day, d.model, d.endpoint_ids, d.request_id, d.generation_id, d.tenant_id, d.ours,
    d.theirs, d.is_alert
from billing.bill_difference d;
grant select on report.provider_bills, report.bill_differences to patchbay_report, patchbay_billing;
