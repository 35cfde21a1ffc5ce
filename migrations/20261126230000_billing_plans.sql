-- Billing: everything that a plan says, overrides for some of what is sold, and who was on which plan when.
set lock_timeout = '5s';

-- Fees are basis points; amounts are nano-USD. What is charged for a tenant's own credentials is a part of the list
-- price above a monthly allowance at list price; null = there is none. Nothing was served by such credentials
-- before, so that what versions from before say of it, by default, explains no old charge otherwise.
alter table billing.plan_version
    add column purchase_fee_bps integer not null default 0 check (purchase_fee_bps between 0 and 10000),
    add column purchase_fee_min bigint not null default 0 check (purchase_fee_min between 0 and 1000000000000),
    add column own_key_fee_bps integer not null default 500 check (own_key_fee_bps between 0 and 10000),
    add column own_key_allowance bigint default 25000000000000
        check (own_key_allowance between 0 and 1000000000000000000),
    add column payment text not null default 'prepaid' check (payment in ('prepaid', 'postpaid')),
    add column credit_limit bigint not null default 0 check (credit_limit between 0 and 1000000000000000000),
    add column currency text not null default 'USD' check (currency = 'USD'),
    add column actor text not null default '',
    -- What belongs to a version is written with it.
    add column xid xid8 not null default pg_current_xact_id(),
    add constraint plan_version_only_postpaid_owes check (payment = 'postpaid' or credit_limit = 0);

-- Another markup for a provider, a model, or a model at a provider; '' = any. The most specific counts: of both,
-- then of a model, then of a provider.
create table billing.plan_override (
    plan_id uuid not null,
    version integer not null,
    provider text not null default '',
    model text not null default '',
    markup_bps integer not null check (markup_bps between 0 and 100000),
    primary key (plan_id, version, provider, model),
    foreign key (plan_id, version) references billing.plan_version,
    check (provider <> '' or model <> '')
);

create function billing.refuse_late_override() returns trigger language plpgsql as $$
begin
    if not exists (select from billing.plan_version v
        where v.plan_id = new.plan_id and v.version = new.version and v.xid = pg_current_xact_id())
    then
        raise exception 'versions of plans are immutable' using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;
create trigger plan_override_comes_with_its_version before insert on billing.plan_override
    for each row execute function billing.refuse_late_override();

-- Who was on which plan from when on. A tenant's first row is the plan that it began with.
create table billing.plan_move (
    move_id bigint generated always as identity primary key,
    tenant_id uuid not null,
    plan_id uuid not null references billing.plan,
    moved_at timestamptz not null,
    actor text not null
);
create index plan_move_tenant on billing.plan_move (tenant_id, move_id);
insert into billing.plan_move (tenant_id, plan_id, moved_at, actor)
select tenant_id, plan_id, opened_at, '' from billing.tenant order by opened_at, tenant_id;

do $$
declare
    v_table text;
begin
    foreach v_table in array array['plan_version', 'plan_override', 'plan_move'] loop
        execute format('create trigger %I before update or delete on billing.%I
            for each row execute function billing.refuse_change()', v_table || '_is_immutable', v_table);
        execute format('create trigger %I before truncate on billing.%I
            for each statement execute function billing.refuse_change()', v_table || '_is_not_truncated', v_table);
    end loop;
    foreach v_table in array array['plan_override', 'plan_move'] loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert on billing.%I to patchbay_billing', v_table);
    end loop;
    foreach v_table in array array['plan', 'plan_version', 'plan_override', 'plan_move'] loop
        execute format('grant select on billing.%I to patchbay_report', v_table);
        execute format('create policy report_reads on billing.%I for select to patchbay_report using (true)', v_table);
    end loop;
end
$$;

-- The number of the version in force.
create function billing.plan_in_force(p_plan uuid) returns integer language sql stable as $$
    select max(version) from billing.plan_version where plan_id = p_plan
$$;

-- What a version says, in one form for equal terms. Overrides stand in the order in which they are looked at.
create function billing.plan_terms(p_plan uuid, p_version integer) returns jsonb language sql stable as $$
    select jsonb_build_object(
        'markup_bps', v.markup_bps, 'purchase_fee_bps', v.purchase_fee_bps, 'purchase_fee_min', v.purchase_fee_min,
        'own_key_fee_bps', v.own_key_fee_bps, 'own_key_allowance', v.own_key_allowance, 'payment', v.payment,
        'credit_limit', v.credit_limit,
        'overrides', (
            select coalesce(jsonb_agg(
                    jsonb_build_object('provider', o.provider, 'model', o.model, 'markup_bps', o.markup_bps)
                    order by (o.provider <> '' and o.model <> '') desc, o.model <> '' desc,
                        o.model collate "C", o.provider collate "C"), '[]')
            from billing.plan_override o where o.plan_id = v.plan_id and o.version = v.version))
    from billing.plan_version v where v.plan_id = p_plan and v.version = p_version
$$;

-- What a postpaid tenant of this version may owe; 0 = it is prepaid.
create function billing.plan_credit_line(p_plan uuid, p_version integer) returns bigint language sql stable as $$
    select credit_limit from billing.plan_version where plan_id = p_plan and version = p_version
$$;

-- Lets every edge look its callers' terms up again: one tenant's, or everybody's.
create function billing.tell_terms(p_tenant uuid) returns void language sql volatile as $$
    select pg_notify('patchbay_terms', coalesce(p_tenant::text, ''))
$$;

-- Makes a plan, or a new version of one; the terms in force make none. `p_dry` changes nothing. Terms are in the form
-- of `plan_terms`. Order of locks: the plan, then the balances of its tenants.
create function billing.put_plan(p_name text, p_terms jsonb, p_actor text, p_dry boolean)
returns table (version integer, is_unchanged boolean) language plpgsql as $$
#variable_conflict use_column
declare
    v_plan uuid;
    v_was integer;
    v_version integer;
begin
    if not p_dry then
        insert into billing.plan (name, created_at) values (p_name, billing.clock()) on conflict (name) do nothing;
        perform 1 from billing.plan p where p.name = p_name for no key update;
    end if;
    select p.plan_id into v_plan from billing.plan p where p.name = p_name;
    v_was := billing.plan_in_force(v_plan);
    if billing.plan_terms(v_plan, v_was) = p_terms then
        return query select v_was, true;
        return;
    end if;
    v_version := coalesce(v_was, 0) + 1;
    if p_dry then
        return query select v_version, false;
        return;
    end if;
    insert into billing.plan_version (plan_id, version, markup_bps, purchase_fee_bps, purchase_fee_min,
        own_key_fee_bps, own_key_allowance, payment, credit_limit, created_at, actor)
    select v_plan, v_version, t.markup_bps, t.purchase_fee_bps, t.purchase_fee_min, t.own_key_fee_bps,
        t.own_key_allowance, t.payment, t.credit_limit, billing.clock(), p_actor
    from jsonb_to_record(p_terms) t(markup_bps integer, purchase_fee_bps integer, purchase_fee_min bigint,
        own_key_fee_bps integer, own_key_allowance bigint, payment text, credit_limit bigint);
    insert into billing.plan_override (plan_id, version, provider, model, markup_bps)
    select v_plan, v_version, o.provider, o.model, o.markup_bps
    from jsonb_to_recordset(p_terms -> 'overrides') o(provider text, model text, markup_bps integer);

    if billing.plan_credit_line(v_plan, v_version) is distinct from billing.plan_credit_line(v_plan, v_was) then
        perform billing.put_credit_line(t.tenant_id, billing.plan_credit_line(v_plan, v_version))
        from (select tenant_id from billing.tenant where plan_id = v_plan order by credit_account_id) t;
    end if;
    perform billing.tell_terms(null);
    return query select v_version, false;
end
$$;

-- Puts a tenant on a plan; the name of the plan it was on. Null when there is no such plan. Fails with PB404 for
-- an unknown tenant. Order of locks: the plan, the tenant's balance, the tenant.
create function billing.move_tenant(p_tenant uuid, p_plan text, p_actor text)
returns table (from_plan text, is_unchanged boolean) language plpgsql as $$
#variable_conflict use_column
declare
    v_plan uuid;
    v_was uuid;
begin
    select p.plan_id into v_plan from billing.plan p where p.name = p_plan for share;
    if v_plan is null then
        return;
    end if;
    if not exists (select from billing.tenant where tenant_id = p_tenant) then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    perform billing.put_credit_line(p_tenant, billing.plan_credit_line(v_plan, billing.plan_in_force(v_plan)));
    select t.plan_id into v_was from billing.tenant t where t.tenant_id = p_tenant for no key update;
    if v_was <> v_plan then
        update billing.tenant set plan_id = v_plan where tenant_id = p_tenant;
        insert into billing.plan_move (tenant_id, plan_id, moved_at, actor)
        values (p_tenant, v_plan, billing.clock(), p_actor);
        perform billing.tell_terms(p_tenant);
    end if;
    return query select p.name, v_was = v_plan from billing.plan p where p.plan_id = v_was;
end
$$;

-- A tenant's first plan. Deferred, so that the tenant's account is there when it begins to owe.
create function billing.begin_plan() returns trigger language plpgsql as $$
declare
    v_line bigint;
begin
    perform 1 from billing.plan p where p.plan_id = new.plan_id for share;
    v_line := billing.plan_credit_line(new.plan_id, billing.plan_in_force(new.plan_id));
    insert into billing.plan_move (tenant_id, plan_id, moved_at, actor)
    values (new.tenant_id, new.plan_id, new.opened_at, '');
    if v_line > 0 then
        perform billing.put_credit_line(new.tenant_id, v_line);
    end if;
    return null;
end
$$;
create constraint trigger tenant_begins_its_plan after insert on billing.tenant
    deferrable initially deferred for each row execute function billing.begin_plan();

-- What the purchase of so much credit costs on top, in nano-USD: the plan's share, half-even, at least its minimum.
-- Fails with PB404 for an unknown tenant.
create function billing.purchase_fee(p_tenant uuid, p_amount bigint) returns bigint language plpgsql stable as $$
declare
    v_fee bigint;
begin
    select greatest(billing.round_half_even(p_amount::numeric * v.purchase_fee_bps * 0.0001)::bigint,
        v.purchase_fee_min) into v_fee
    from billing.tenant t
    join billing.plan_version v on v.plan_id = t.plan_id and v.version = billing.plan_in_force(t.plan_id)
    where t.tenant_id = p_tenant;
    if v_fee is null then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    return v_fee;
end
$$;

create view report.plans with (security_invoker = true) as
select p.plan_id, p.name, v.version, v.markup_bps, v.purchase_fee_bps, v.purchase_fee_min, v.own_key_fee_bps,
    v.own_key_allowance, v.payment, v.credit_limit, v.currency, v.created_at, v.actor
from billing.plan p join billing.plan_version v on v.plan_id = p.plan_id;

create view report.plan_overrides with (security_invoker = true) as
select p.plan_id, p.name, o.version, o.provider, o.model, o.markup_bps
from billing.plan p join billing.plan_override o on o.plan_id = p.plan_id;

create view report.plan_moves with (security_invoker = true) as
select m.move_id, m.tenant_id, p.name as plan, m.moved_at, m.actor
from billing.plan_move m join billing.plan p on p.plan_id = m.plan_id;

grant select on report.plans, report.plan_overrides, report.plan_moves to patchbay_report, patchbay_billing;
