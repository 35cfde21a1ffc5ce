-- Billing: everything that limits spending is an account. Credit with its credit line, limits of keys, budgets of
-- workspaces, members and guardrails, and what may be spent on a tenant's own credentials free of the fee.
set lock_timeout = '5s';

-- A budget limits one subject by one interval. A guardrail's budget counts for each key or member under it by
-- itself: the row without a holder says the rule, and requests reserve from the holders' rows only.
alter table billing.account
    drop constraint account_kind_check,
    add constraint account_kind_check
        check (kind in ('credit', 'key_limit', 'budget', 'own_key_allowance', 'platform')),
    add column subject_kind text check (subject_kind in ('workspace', 'member', 'guardrail')),
    add column subject_id uuid,
    add column holder_kind text check (holder_kind in ('key', 'member')),
    add column holder_id uuid,
    -- What the tenant pays providers for what its own credentials serve counts too, at list price.
    add column counts_own_keys boolean not null default false,
    -- When the limit was last set, and when the window was last made to fit it.
    add column changed_at timestamptz not null default now(),
    add column fitted_at timestamptz,
    add constraint account_subject_check check (
        (kind = 'budget') = (subject_kind is not null) and (subject_kind is null) = (subject_id is null)),
    add constraint account_holder_check check (
        (holder_id is null or subject_kind = 'guardrail') and (holder_kind is null) = (holder_id is null)),
    add constraint account_allowance_check check (kind <> 'own_key_allowance' or reset = 'monthly');
create unique index account_budget on billing.account (tenant_id, subject_kind, subject_id, reset)
    where kind = 'budget' and holder_id is null;
create unique index account_holder on billing.account (tenant_id, holder_id, subject_id, reset, holder_kind)
    where holder_id is not null;
create index account_subject on billing.account (subject_id) where subject_id is not null;
create index account_budgets on billing.account (tenant_id, account_id) where kind = 'budget';
create unique index account_allowance on billing.account (tenant_id) where kind = 'own_key_allowance';
create index account_changed on billing.account (changed_at) where kind in ('key_limit', 'budget');

-- `line` is the credit line: what a tenant that pays by invoice may owe. It counts to what is available. `bound` is
-- what it may owe all the same when the line was lowered below what it owed and held; it never rises by spending
-- and comes down to the line as payments come in (`billing.lower_lines`). Null = the row has no line, see `strict`.
drop view report.balances;
alter table billing.balance
    drop column available,
    add column line bigint not null default 0 check (line >= 0),
    add column bound bigint,
    add column available bigint generated always as (added + line - spent - held) stored,
    add constraint balance_bound_check check (bound is null or held <= added - spent + bound);
create index balance_bound on billing.balance (account_id) where bound is not null;

-- Spent by workspace or member and UTC day of admission, so that a budget counts what was spent before it was made.
-- Of keys only what their tenant's own credentials served: `key_usage` has the rest.
create table billing.subject_usage (
    subject_kind text not null check (subject_kind in ('workspace', 'member', 'key')),
    subject_id uuid not null,
    day date not null,
    tenant_id uuid not null,
    charge bigint not null,
    requests bigint not null,
    -- What was paid to providers by the tenant itself, at list price.
    own_key_cost bigint not null,
    primary key (subject_kind, subject_id, day)
) with (fillfactor = 50);
alter table billing.subject_usage enable row level security, force row level security;
create policy billing_all on billing.subject_usage to patchbay_billing using (true) with check (true);
create policy report_reads on billing.subject_usage for select to patchbay_report using (true);
grant select, insert, update on billing.subject_usage to patchbay_billing;
grant select on billing.subject_usage to patchbay_report;

create view report.balances with (security_invoker = true) as
select b.account_id, a.kind, a.tenant_id, a.key_id, a.subject_kind, a.subject_id, a.holder_kind, a.holder_id,
    a.reset, a.limit_nano, a.counts_own_keys, b.window_start, b.added, b.spent, b.held, b.posted, b.line, b.available
from billing.balance b join billing.account a on a.account_id = b.account_id;

create view report.subject_usage with (security_invoker = true) as
select s.subject_kind, s.subject_id, s.day, s.tenant_id, s.charge, s.requests, s.own_key_cost
from billing.subject_usage s;
grant select on report.balances, report.subject_usage to patchbay_report, patchbay_billing;

-- Counts settled records for whom they were made. Part of settlement.
create function billing.count_subjects(p_records billing.record[], p_now timestamptz) returns void
language sql volatile as $$
    insert into billing.subject_usage as s (subject_kind, subject_id, day, tenant_id, charge, requests, own_key_cost)
    select v.kind, v.id, (billing.occurred(r.lease_ids, p_now) at time zone 'UTC')::date, r.tenant_id,
        sum(r.charge), count(*), sum(case when r.is_byok then coalesce(r.upstream_cost, 0) else 0 end)
    from unnest(p_records) r
    cross join lateral (values ('workspace', r.workspace_id), ('member', r.user_id),
        ('key', case when r.is_byok then r.key_id end)) v(kind, id)
    where v.id is not null
    group by 1, 2, 3, 4 order by 1, 2, 3
    on conflict (subject_kind, subject_id, day) do update
        set charge = s.charge + excluded.charge, requests = s.requests + excluded.requests,
            own_key_cost = s.own_key_cost + excluded.own_key_cost
$$;

insert into billing.subject_usage (subject_kind, subject_id, day, tenant_id, charge, requests, own_key_cost)
select v.kind, v.id, (u.occurred_at at time zone 'UTC')::date, u.tenant_id, sum(u.charge), count(*),
    sum(case when u.is_byok then u.upstream_cost else 0 end)
from billing.usage u
cross join lateral (values ('workspace', u.workspace_id), ('member', u.user_id),
    ('key', case when u.is_byok then u.key_id end)) v(kind, id)
where v.id is not null
group by 1, 2, 3, 4;

-- What a subject was charged since a UTC day began, with what it paid providers itself where `p_own_keys`.
create function billing.subject_spent(p_kind text, p_subject uuid, p_since timestamptz, p_own_keys boolean)
returns bigint language sql stable as $$
    select coalesce(sum(charge + case when p_own_keys then own_key_cost else 0 end), 0)::bigint
    from billing.subject_usage
    where subject_kind = p_kind and subject_id = p_subject and day >= (p_since at time zone 'UTC')::date
$$;

-- What counts against an account since the window that begins at `p_start` did, whether or not the account was there.
-- A guardrail's budget and the allowance count from when they were first reserved from, by their own balance.
create function billing.counted(p_account billing.account, p_start timestamptz) returns bigint
language sql stable as $$
    select case
        when p_account.kind = 'key_limit' then billing.key_spent(p_account.key_id, p_start)
            + case when p_account.counts_own_keys then (select coalesce(sum(own_key_cost), 0)::bigint
                from billing.subject_usage where subject_kind = 'key' and subject_id = p_account.key_id
                    and day >= (p_start at time zone 'UTC')::date) else 0 end
        when p_account.subject_kind in ('workspace', 'member') then billing.subject_spent(
            p_account.subject_kind, p_account.subject_id, p_start, p_account.counts_own_keys)
        else coalesce((select b.spent from billing.balance b
            where b.account_id = p_account.account_id and b.window_start = p_start), 0) end
$$;

-- What is in an account when the window that begins at `p_start` opens: its limit, less what was spent since.
create or replace function billing.opening(p_account billing.account, p_start timestamptz) returns bigint
language sql stable as $$
    select coalesce(p_account.limit_nano, billing.unlimited()) - billing.counted(p_account, p_start)
$$;

-- What is reserved from an account for a record.
create function billing.reserved_from(p_record billing.record, p_account uuid) returns bigint
language sql immutable parallel safe as $$
    select coalesce(sum(coalesce(p_record.lease_amounts[u.place], p_record.reserved)), 0)::bigint
    from unnest(p_record.account_ids) with ordinality u(account_id, place) where u.account_id = p_account
$$;

-- What a settled record takes from an account: the charge. Of what the tenant pays the provider itself, no more than
-- was reserved for it: whether it counts may have changed since.
create or replace function billing.takes(p_record billing.record, p_account billing.account) returns bigint
language sql stable as $$
    select case
        when p_account.kind = 'own_key_allowance' then case when p_record.is_byok
            then least(coalesce(p_record.upstream_cost, 0), billing.reserved_from(p_record, p_account.account_id)) else 0 end
        when p_record.is_byok and p_account.counts_own_keys then greatest(p_record.charge, least(
            p_record.charge + coalesce(p_record.upstream_cost, 0), billing.reserved_from(p_record, p_account.account_id)))
        else p_record.charge end
$$;

-- How much an account covers: of several that are short the one with the least is named. Credit, then budgets by
-- subject and the longest interval first, then the key's own limit.
create function billing.breadth(p_account billing.account) returns integer
language sql immutable parallel safe as $$
    select case p_account.kind when 'credit' then 0 when 'key_limit' then 40 when 'own_key_allowance' then 50 else
            case p_account.subject_kind when 'workspace' then 10 when 'member' then 20 else 30 end end
        + case p_account.reset when '' then 0 when 'monthly' then 1 when 'weekly' then 2 else 3 end
$$;

-- Opens the windows in which these accounts are at `p_at`.
create function billing.open_windows(p_accounts uuid[], p_at timestamptz) returns void
language sql volatile as $$
    insert into billing.balance (account_id, window_start, added, strict)
    select a.account_id, s.start, billing.opening(a, s.start), false
    from billing.account a
    cross join lateral (select billing.window_start(a.reset, p_at) as start) s
    where a.account_id = any (p_accounts) and a.kind in ('key_limit', 'budget', 'own_key_allowance')
        and not exists (select from billing.balance b where b.account_id = a.account_id and b.window_start = s.start)
    order by 1, 2
    on conflict do nothing
$$;

-- Makes an account's present window what its limit says: less all that counts, whatever it was reserved from, and
-- less what still runs in windows of another rule, so that nothing is passed.
create function billing.fit_window(p_account uuid) returns void language plpgsql as $$
declare
    v_account billing.account;
    v_start timestamptz;
    v_left bigint;
begin
    select * into strict v_account from billing.account where account_id = p_account for update;
    v_start := billing.window_start(v_account.reset, billing.clock());
    perform billing.open_windows(array[p_account], billing.clock());
    perform 1 from billing.balance where account_id = p_account order by window_start for update;
    v_left := billing.opening(v_account, v_start) - (
        select coalesce(sum(granted - consumed), 0) from billing.lease
        where account_id = p_account and state <> 'closed' and window_start <> v_start and created_at >= v_start);
    update billing.balance set added = v_left + spent
    where account_id = p_account and window_start = v_start and added <> v_left + spent;
    update billing.account set fitted_at = billing.clock() where account_id = p_account;
end
$$;

-- Fits the windows of accounts whose limit was set lately: what was on its way then, past the new limit, is counted
-- once it has settled. At most `p_limit`, each every 10 s. How many.
create function billing.refit(p_lately_ms bigint, p_limit integer) returns bigint language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_account uuid;
    v_fitted bigint := 0;
begin
    for v_account in
        select a.account_id from billing.account a
        where a.kind in ('key_limit', 'budget')
            and a.changed_at > v_now - p_lately_ms * interval '1 millisecond'
            and a.fitted_at < v_now - interval '10 seconds'
        order by a.fitted_at limit p_limit
    loop
        perform billing.fit_window(v_account);
        v_fitted := v_fitted + 1;
    end loop;
    return v_fitted;
end
$$;

-- Opens or changes a key's limit; null = none. What the key spent since its window began counts, whatever its
-- limit was then. `p_counts_own_keys` null = as it is.
drop function billing.put_key_limit(uuid, uuid, bigint, text);
create function billing.put_key_limit(
    p_tenant uuid, p_key uuid, p_limit bigint, p_reset text, p_counts_own_keys boolean default null) returns void
language plpgsql as $$
declare
    v_account billing.account;
begin
    if not exists (select from billing.tenant where tenant_id = p_tenant) then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    insert into billing.account (account_id, kind, tenant_id, key_id, limit_nano, reset)
    values (gen_random_uuid(), 'key_limit', p_tenant, p_key, p_limit, p_reset)
    on conflict (key_id) where kind = 'key_limit' do nothing;
    select * into v_account from billing.account where kind = 'key_limit' and key_id = p_key for update;
    if v_account.tenant_id <> p_tenant then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    update billing.account set limit_nano = p_limit, reset = p_reset, changed_at = billing.clock(),
        counts_own_keys = coalesce(p_counts_own_keys, counts_own_keys)
    where account_id = v_account.account_id;
    perform billing.fit_window(v_account.account_id);
end
$$;

-- One change of a subject's budgets at a time, until the transaction ends.
create function billing.lock_subject(p_subject uuid) returns void language sql volatile as $$
    select pg_advisory_xact_lock(hashtextextended('patchbay/budget/' || p_subject, 0))
$$;

-- Sets a subject's budget for an interval; null = it has none any more. What it spent since the window began counts.
-- `p_counts_own_keys` holds for all budgets of the subject; null = as it is. Answers the account.
-- Fails with PB404 for an unknown tenant and PB400 unless limits fall strictly as intervals narrow.
create function billing.put_budget(p_tenant uuid, p_subject_kind text, p_subject uuid, p_reset text, p_limit bigint,
    p_counts_own_keys boolean default null) returns uuid
language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_own_keys boolean;
    v_account uuid;
    v_changed uuid;
begin
    if not exists (select from billing.tenant where tenant_id = p_tenant) then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    perform billing.lock_subject(p_subject);
    if p_limit is not null and exists (
        select from billing.account a
        cross join lateral (select array_position(array['daily', 'weekly', 'monthly', ''], a.reset)
            - array_position(array['daily', 'weekly', 'monthly', ''], p_reset) as wider) w
        where a.kind = 'budget' and a.tenant_id = p_tenant and a.subject_kind = p_subject_kind
            and a.subject_id = p_subject and a.holder_id is null and a.limit_nano is not null
            and (w.wider > 0 and a.limit_nano <= p_limit or w.wider < 0 and a.limit_nano >= p_limit))
    then
        raise exception 'the limit of an interval must be below the limit of every longer one'
            using errcode = 'PB400';
    end if;
    v_own_keys := coalesce(p_counts_own_keys, (select bool_or(a.counts_own_keys) from billing.account a
        where a.kind = 'budget' and a.tenant_id = p_tenant and a.subject_kind = p_subject_kind
            and a.subject_id = p_subject), false);
    insert into billing.account as a (account_id, kind, tenant_id, subject_kind, subject_id, reset, limit_nano,
        counts_own_keys, created_at, changed_at)
    values (gen_random_uuid(), 'budget', p_tenant, p_subject_kind, p_subject, p_reset, p_limit, v_own_keys, v_now, v_now)
    on conflict (tenant_id, subject_kind, subject_id, reset) where kind = 'budget' and holder_id is null do update
        set limit_nano = excluded.limit_nano, changed_at = excluded.changed_at,
            created_at = case when a.limit_nano is null then excluded.created_at else a.created_at end
    returning a.account_id into v_account;
    for v_changed in
        update billing.account a
        set counts_own_keys = v_own_keys, changed_at = v_now,
            limit_nano = case when a.reset = p_reset then p_limit else a.limit_nano end
        where a.kind = 'budget' and a.tenant_id = p_tenant and a.subject_kind = p_subject_kind
            and a.subject_id = p_subject and (a.reset = p_reset or a.counts_own_keys <> v_own_keys)
        returning a.account_id
    loop
        if p_subject_kind <> 'guardrail' or v_changed <> v_account and exists (
            select from billing.account a where a.account_id = v_changed and a.holder_id is not null)
        then
            perform billing.fit_window(v_changed);
        end if;
    end loop;
    -- Edges look the terms of the tenant's keys up again.
    perform pg_notify('patchbay_terms', p_tenant::text);
    return v_account;
end
$$;

-- Takes a subject's budget for an interval away. Whether there was one.
create function billing.drop_budget(p_tenant uuid, p_subject_kind text, p_subject uuid, p_reset text) returns boolean
language plpgsql as $$
begin
    if not exists (select from billing.account a
        where a.kind = 'budget' and a.tenant_id = p_tenant and a.subject_kind = p_subject_kind
            and a.subject_id = p_subject and a.reset = p_reset and a.holder_id is null and a.limit_nano is not null)
    then
        return false;
    end if;
    perform billing.put_budget(p_tenant, p_subject_kind, p_subject, p_reset, null);
    return true;
end
$$;

-- The accounts that a key's requests reserve from, the broadest first. `p_guardrails` are assigned to the key or
-- its workspace, `p_member_guardrails` to the member: their budgets count for this key, or for all keys of the
-- member. Such an account is opened when it is first asked for.
create function billing.spend_accounts(p_tenant uuid, p_key uuid, p_workspace uuid, p_user uuid,
    p_guardrails uuid[], p_member_guardrails uuid[]) returns setof billing.account
language plpgsql as $$
declare
    v_guardrail uuid;
begin
    for v_guardrail in
        select distinct g.subject_id
        from unnest(array['key', 'member'], array[p_key, p_user]) h(kind, id)
        join billing.account g on g.kind = 'budget' and g.tenant_id = p_tenant and g.subject_kind = 'guardrail'
            and g.holder_id is null and g.limit_nano is not null
            and g.subject_id = any (case h.kind when 'key' then p_guardrails else p_member_guardrails end)
        where h.id is not null and not exists (select from billing.account a
            where a.tenant_id = p_tenant and a.subject_id = g.subject_id and a.reset = g.reset
                and a.holder_kind = h.kind and a.holder_id = h.id)
        order by 1
    loop
        perform billing.lock_subject(v_guardrail);
        insert into billing.account (account_id, kind, tenant_id, subject_kind, subject_id, reset, limit_nano,
            counts_own_keys, holder_kind, holder_id, created_at, changed_at)
        select gen_random_uuid(), 'budget', p_tenant, 'guardrail', g.subject_id, g.reset, g.limit_nano,
            g.counts_own_keys, h.kind, h.id, billing.clock(), billing.clock()
        from billing.account g
        cross join unnest(array['key', 'member'], array[p_key, p_user]) h(kind, id)
        where g.kind = 'budget' and g.tenant_id = p_tenant and g.subject_kind = 'guardrail' and g.holder_id is null
            and g.subject_id = v_guardrail and h.id is not null
            and g.subject_id = any (case h.kind when 'key' then p_guardrails else p_member_guardrails end)
        on conflict do nothing;
    end loop;
    return query
    select (f.account).* from (
        select a as account from billing.account a where a.kind = 'credit' and a.tenant_id = p_tenant
        union all
        select a from billing.account a
        where a.kind = 'key_limit' and a.key_id = p_key and a.tenant_id = p_tenant and a.limit_nano is not null
        union all
        select a from unnest(array['workspace', 'member'], array[p_workspace, p_user]) s(kind, id)
        join billing.account a on a.kind = 'budget' and a.tenant_id = p_tenant and a.subject_kind = s.kind
            and a.subject_id = s.id and a.holder_id is null and a.limit_nano is not null
        union all
        select a from unnest(array['key', 'member'], array[p_key, p_user]) h(kind, id)
        join billing.account a on a.holder_id = h.id and a.holder_kind = h.kind and a.tenant_id = p_tenant
            and a.limit_nano is not null
            and a.subject_id = any (case h.kind when 'key' then p_guardrails else p_member_guardrails end)) f
    order by billing.breadth(f.account), (f.account).account_id;
end
$$;

-- Nano-USD at list price that a tenant may pay providers itself in a month free of our fee, as its plan says.
-- Null = there is no such allowance. Fails with PB404 for an unknown tenant.
create function billing.planned_own_key_allowance(p_tenant uuid) returns bigint language plpgsql stable as $$
declare
    v_allowance bigint;
begin
    select v.own_key_allowance into v_allowance
    from billing.tenant t join billing.plan_version v on v.plan_id = t.plan_id
    where t.tenant_id = p_tenant order by v.version desc limit 1;
    if not found then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    return v_allowance;
end
$$;

-- The account of a tenant's own-key allowance, opened when it is first asked for and changed with the plan; what was
-- used of it this month counts. Null = the tenant has none.
create function billing.own_key_allowance(p_tenant uuid) returns uuid language plpgsql as $$
declare
    v_limit bigint := billing.planned_own_key_allowance(p_tenant);
    v_account uuid;
begin
    if v_limit is null then
        return null;
    end if;
    select account_id into v_account from billing.account
    where kind = 'own_key_allowance' and tenant_id = p_tenant and limit_nano = v_limit;
    if v_account is null then
        insert into billing.account as a (account_id, kind, tenant_id, limit_nano, reset)
        values (gen_random_uuid(), 'own_key_allowance', p_tenant, v_limit, 'monthly')
        on conflict (tenant_id) where kind = 'own_key_allowance' do update
            set limit_nano = excluded.limit_nano, changed_at = billing.clock()
        returning a.account_id into v_account;
        perform billing.fit_window(v_account);
    end if;
    return v_account;
end
$$;
