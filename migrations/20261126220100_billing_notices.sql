-- Billing: what tenants are told of their balances and limits.
set lock_timeout = '5s';

-- Where a tenant wants to be told, and below which balance it is low; null = it is not told of that. The secret
-- signs what is posted: AES-256-GCM under the platform's master key, bound to the tenant.
create table billing.notice_settings (
    tenant_id uuid primary key references billing.tenant,
    webhook_url text check (webhook_url <> ''),
    sealed_secret bytea,
    low_balance bigint check (low_balance > 0),
    changed_at timestamptz not null default now(),
    check (webhook_url is null or sealed_secret is not null)
);

-- A notice is written once per account, window, threshold and what it was measured by: a budget's limit, and of a
-- balance all that was ever paid in, so that it is told of anew after a payment that did not last.
create table billing.notice (
    notice_id uuid primary key,
    tenant_id uuid not null,
    type text not null check (type in ('balance.low', 'budget.threshold', 'key_limit.threshold')),
    account_id uuid not null,
    window_start timestamptz not null,
    -- Percent of a limit; 0 of a balance.
    threshold integer not null,
    basis bigint not null,
    -- What is delivered.
    body jsonb not null,
    created_at timestamptz not null,
    -- `none`: there was no webhook when it was written.
    delivery text not null check (delivery in ('none', 'pending', 'delivered', 'dead')),
    tries integer not null default 0,
    -- Nobody else tries before this time.
    next_try_at timestamptz not null,
    last_error text,
    delivered_at timestamptz,
    -- When the bus was given it.
    published_at timestamptz,
    unique (account_id, window_start, threshold, basis),
    check ((delivery = 'delivered') = (delivered_at is not null))
);
create index notice_due on billing.notice (next_try_at) where delivery = 'pending';
create index notice_unpublished on billing.notice (created_at) where published_at is null;
create index notice_tenant on billing.notice (tenant_id, notice_id);

do $$
declare
    v_table text;
begin
    foreach v_table in array array['notice_settings', 'notice'] loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert, update on billing.%I to patchbay_billing', v_table);
    end loop;
end
$$;
create policy report_reads on billing.notice for select to patchbay_report using (true);
grant select on billing.notice to patchbay_report;

create view report.notices with (security_invoker = true) as
select n.notice_id, n.tenant_id, n.type, n.account_id, n.window_start, n.threshold, n.body, n.created_at, n.delivery,
    n.tries, n.last_error, n.delivered_at
from billing.notice n;
grant select on report.notices to patchbay_report, patchbay_billing;

-- Amounts and times as notices write them: USD, and RFC 3339.
create function billing.notice_amount(nanos bigint) returns text language sql immutable parallel safe as $$
    select trim_scale(nanos::numeric / 1000000000)::text
$$;

create function billing.notice_time(at timestamptz) returns text language sql immutable parallel safe as $$
    select case when isfinite(at) then to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') end
$$;

-- Sets what a tenant is told and where. `p_secret` null = the one that is kept. Fails with PB404 for an unknown tenant.
create function billing.put_notice_settings(p_tenant uuid, p_url text, p_secret bytea, p_low_balance bigint)
returns void language plpgsql as $$
begin
    if not exists (select from billing.tenant where tenant_id = p_tenant) then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    insert into billing.notice_settings as s (tenant_id, webhook_url, sealed_secret, low_balance, changed_at)
    values (p_tenant, p_url,
        coalesce(p_secret, (select k.sealed_secret from billing.notice_settings k where k.tenant_id = p_tenant)),
        p_low_balance, billing.clock())
    on conflict (tenant_id) do update
        set webhook_url = excluded.webhook_url, low_balance = excluded.low_balance,
            sealed_secret = excluded.sealed_secret, changed_at = excluded.changed_at;
end
$$;

-- Where a limit or a balance stands in the present window: everywhere, or where something is reserved. A limit is
-- reached at 80 percent, and at 100 when less than a thousandth of it is left, which rarely pays for a request.
create function billing.thresholds_reached(p_whole boolean, p_now timestamptz)
returns table (tenant_id uuid, type text, account_id uuid, window_start timestamptz, threshold integer, basis bigint,
    data jsonb)
language sql stable as $$
    with busy as materialized (
        select l.account_id from billing.lease l where l.state <> 'closed' and not p_whole
        union
        select a.account_id from billing.account a
        where p_whole and a.kind in ('key_limit', 'budget') and a.limit_nano > 0
    ), standing as (
        select a as account, b.window_start, a.limit_nano - b.posted as spent, greatest(b.posted, 0) as remaining,
            case when b.posted <= a.limit_nano / 1000 then 100 when b.posted <= a.limit_nano / 5 then 80 end as threshold
        from busy
        join billing.account a on a.account_id = busy.account_id
        join billing.balance b on b.account_id = a.account_id
            and b.window_start = billing.window_start(a.reset, p_now)
        where a.kind in ('key_limit', 'budget') and a.limit_nano > 0
    )
    select (s.account).tenant_id, (s.account).kind || '.threshold', (s.account).account_id, s.window_start,
        s.threshold, (s.account).limit_nano,
        jsonb_build_object('threshold_percent', s.threshold, 'limit', billing.notice_amount((s.account).limit_nano),
            'spent', billing.notice_amount(s.spent), 'remaining', billing.notice_amount(s.remaining),
            'interval', case (s.account).reset when '' then 'lifetime' else (s.account).reset end,
            'window_started_at', case (s.account).reset when '' then null else billing.notice_time(s.window_start) end,
            'window_ends_at', billing.notice_time(billing.window_end((s.account).reset, p_now)))
        || case (s.account).kind
            when 'key_limit' then jsonb_build_object('key_id', (s.account).key_id)
            else jsonb_build_object('budget_id', (s.account).account_id, 'subject_kind', (s.account).subject_kind,
                'subject_id', (s.account).subject_id) end
        || case when (s.account).holder_id is null then '{}'::jsonb else jsonb_build_object(
            'holder_kind', (s.account).holder_kind, 'holder_id', (s.account).holder_id) end
    from standing s where s.threshold is not null
    union all
    select t.tenant_id, 'balance.low', b.account_id, b.window_start, 0, b.added,
        jsonb_build_object('threshold', billing.notice_amount(n.low_balance), 'balance', billing.notice_amount(b.posted),
            'credit_line', billing.notice_amount(b.line))
    from billing.notice_settings n
    join billing.tenant t on t.tenant_id = n.tenant_id
    join billing.balance b on b.account_id = t.credit_account_id and b.window_start = 'epoch'
    where n.low_balance > b.posted + b.line
$$;

-- Writes what is to be told and was not yet. One replica does it at a time; the others find nothing. How many.
create function billing.write_notices(p_whole boolean) returns bigint language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_written bigint;
begin
    if not pg_try_advisory_xact_lock(7305803385003) then
        return 0;
    end if;
    insert into billing.notice (notice_id, tenant_id, type, account_id, window_start, threshold, basis, body,
        created_at, delivery, next_try_at)
    select i.id, r.tenant_id, r.type, r.account_id, r.window_start, r.threshold, r.basis,
        jsonb_build_object('id', i.id, 'type', r.type, 'created_at', billing.notice_time(v_now),
            'tenant_id', r.tenant_id, 'data', r.data),
        v_now, case when s.webhook_url is null then 'none' else 'pending' end, v_now
    from billing.thresholds_reached(p_whole, v_now) r
    left join billing.notice_settings s on s.tenant_id = r.tenant_id
    cross join lateral (select billing.new_notice_id(r.account_id, v_now) as id) i
    where not exists (select from billing.notice n
        where n.account_id = r.account_id and n.window_start = r.window_start and n.threshold >= r.threshold
            and n.basis = r.basis)
    on conflict (account_id, window_start, threshold, basis) do nothing;
    get diagnostics v_written = row_count;
    return v_written;
end
$$;

-- A new UUIDv7, so that notices sort by when they were written. Volatile beside its arguments: one a row.
create function billing.new_notice_id(p_account uuid, p_now timestamptz) returns uuid language sql volatile as $$
    select overlay(overlay(replace(gen_random_uuid()::text, '-', '')
        placing lpad(to_hex(floor(extract(epoch from p_now) * 1000)::bigint), 12, '0') from 1)
        placing '7' from 13)::uuid
$$;

-- Takes notices to be posted: for `p_hold_ms` they are the caller's. With where they go.
create function billing.take_notices(p_limit integer, p_hold_ms bigint)
returns table (notice_id uuid, tenant_id uuid, body text, tries integer, webhook_url text, sealed_secret bytea)
language plpgsql as $$
#variable_conflict use_column
begin
    return query
    with due as (
        select n.notice_id from billing.notice n
        where n.delivery = 'pending' and n.next_try_at <= billing.clock()
        order by n.next_try_at limit p_limit for update skip locked
    ), taken as (
        update billing.notice n
        set tries = n.tries + 1, next_try_at = billing.clock() + p_hold_ms * interval '1 millisecond'
        from due where n.notice_id = due.notice_id
        returning n.notice_id, n.tenant_id, n.body, n.tries)
    select t.notice_id, t.tenant_id, t.body::text, t.tries, s.webhook_url, s.sealed_secret
    from taken t left join billing.notice_settings s on s.tenant_id = t.tenant_id;
end
$$;

-- What became of a try: no error = it is delivered; else it is tried again after the pause, or given up without one.
create function billing.notice_tried(p_notice uuid, p_error text, p_pause_ms bigint) returns void
language sql volatile as $$
    update billing.notice
    set delivery = case when p_error is null then 'delivered' when p_pause_ms is null then 'dead' else 'pending' end,
        delivered_at = case when p_error is null then billing.clock() end,
        last_error = coalesce(p_error, last_error),
        next_try_at = billing.clock() + coalesce(p_pause_ms, 0) * interval '1 millisecond'
    where notice_id = p_notice and delivery = 'pending'
$$;

-- Notices of the last day that no bus was given.
create function billing.unpublished_notices(p_limit integer)
returns table (notice_id uuid, tenant_id uuid, body text) language sql stable as $$
    select n.notice_id, n.tenant_id, n.body::text from billing.notice n
    where n.published_at is null and n.created_at > billing.clock() - interval '1 day'
    order by n.created_at limit p_limit
$$;

create function billing.notices_published(p_notices uuid[]) returns void language sql volatile as $$
    update billing.notice set published_at = billing.clock() where notice_id = any (p_notices)
$$;
