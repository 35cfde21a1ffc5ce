-- Billing: closing periods, who is invoiced how, and invoices up to the day they are issued.
set lock_timeout = '5s';

-- Periods follow each other in the tables as they do in time, so that a period's rows lie together.
create index transfer_period on billing.transfer using brin (period_id) with (pages_per_range = 16);
create index usage_period on billing.usage using brin (period_id) with (pages_per_range = 16);
create index transfer_purchase on billing.transfer (posted_at) where kind = 'purchase';

insert into billing.account (account_id, kind, code)
select billing.platform_account(code), 'platform', code
from unnest(array['receivables', 'tax_payable', 'revenue_refunds']) code
on conflict do nothing;

-- When every invoice of a closed period had been drafted.
alter table billing.period add column drafted_at timestamptz;

-- Closes a period when it is the open one, and opens the next; of one that is closed it changes nothing. Waits for
-- those who write transfers into it, and makes those who come later wait, which is the time the two rows take.
-- Fails with PB404 for an unknown period.
create function billing.close_period(p_period bigint) returns billing.period language plpgsql as $$
declare
    v_now timestamptz;
    v_closed billing.period;
begin
    perform pg_advisory_xact_lock(7305803385001);
    v_now := billing.clock();
    update billing.period set state = 'closed', closed_at = v_now
    where period_id = p_period and state = 'open' returning * into v_closed;
    if found then
        insert into billing.period (opened_at) values (v_now);
        return v_closed;
    end if;
    select * into v_closed from billing.period where period_id = p_period;
    if v_closed.period_id is null then
        raise exception 'unknown period' using errcode = 'PB404';
    end if;
    return v_closed;
end
$$;

-- Closes the open period once the month in which it was opened is over, UTC. Answers it, null when none was due.
create function billing.close_due_period() returns bigint language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_due bigint := (select p.period_id from billing.period p where p.state = 'open'
        and date_trunc('month', p.opened_at at time zone 'UTC') < date_trunc('month', v_now at time zone 'UTC'));
begin
    if v_due is not null then
        perform billing.close_period(v_due);
    end if;
    return v_due;
end
$$;

-- How a tenant pays: `prepaid` from its credit, `postpaid` by invoice. What its plan does not say is prepaid.
create function billing.payment_terms(p_tenant uuid) returns text language sql stable as $$
    select coalesce((
        select v.payment from billing.tenant t join billing.plan_version v on v.plan_id = t.plan_id
        where t.tenant_id = p_tenant order by v.version desc limit 1), 'prepaid')
$$;

-- Whom a tenant's invoices are made out to.
create table billing.billing_profile (
    tenant_id uuid primary key,
    name text not null check (name <> ''),
    address text[] not null default '{}',
    country text not null check (country ~ '^[A-Z]{2}$'),
    tax_id text not null default '',
    email text not null default '',
    -- What the customer wants to find on its invoices, such as a purchase order.
    reference text not null default '',
    -- `none`: no tax applies to this customer. `reverse_charge`: the customer accounts for it.
    tax text not null default 'none' check (tax in ('none', 'standard', 'exempt', 'reverse_charge')),
    tax_bps integer not null default 0 check (tax_bps between 0 and 10000),
    updated_at timestamptz not null,
    check ((tax = 'standard') or tax_bps = 0)
);

-- While a tenant is in here, its invoices stay drafts.
create table billing.invoicing_freeze (
    tenant_id uuid primary key,
    reason text not null,
    frozen_at timestamptz not null
);

-- A tenant's invoice for a period; of a tenant that pays ahead, its statement. Amounts are nano-USD, cents where
-- they are called so.
create table billing.invoice (
    invoice_id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null,
    period_id bigint not null references billing.period,
    payment text not null check (payment in ('prepaid', 'postpaid')),
    state text not null default 'draft' check (state in ('draft', 'grace', 'finalised', 'void')),
    drafted_at timestamptz not null,
    -- Until then it may still be looked at.
    finalise_after timestamptz,
    -- What its lines come to,
    charges bigint not null,
    -- and how much of that credit has paid.
    covered bigint not null check (covered between 0 and charges),
    -- Of credit that invoices may use, what is left for later ones.
    carried bigint not null check (carried >= 0),
    -- The tenant's credit when the period began and when it ended.
    opening bigint not null,
    closing bigint not null,
    number text,
    finalised_at timestamptz,
    due_on date,
    net_cents bigint,
    tax_cents bigint,
    total_cents bigint,
    -- What rounding to cents added: net_cents = charges - covered + residue.
    residue bigint,
    voided_at timestamptz,
    unique (tenant_id, period_id),
    check ((state in ('finalised', 'void')) = (number is not null)),
    check ((state = 'void') = (voided_at is not null)),
    check (state <> 'grace' or finalise_after is not null)
);
create index invoice_period on billing.invoice (period_id, invoice_id);
create index invoice_waiting on billing.invoice (finalise_after) where state in ('draft', 'grace');
create index invoice_finalised on billing.invoice (finalised_at) where state in ('finalised', 'void');

-- What is charged for. provider_cost + markup - waived = amount.
create table billing.invoice_line (
    invoice_id uuid not null references billing.invoice,
    n integer not null,
    -- `usage`, `own_key` (the fee on what the tenant's own credentials served), or a fee's kind of transfer.
    kind text not null,
    model text not null default '',
    provider text not null default '',
    provider_name text not null default '',
    -- Served before the period began and settled in it.
    late boolean not null default false,
    first_at timestamptz,
    last_at timestamptz,
    requests bigint not null,
    -- Units by class, in the order of `billing.price_version.base`.
    units bigint[] not null default '{}',
    provider_cost bigint not null,
    markup bigint not null,
    -- Came due and was not asked for, or could not be taken.
    waived bigint not null,
    amount bigint not null,
    primary key (invoice_id, n),
    check (provider_cost + markup - waived = amount)
);

-- What moved the tenant's credit, by kind of transfer. opening + sum of amounts = closing.
create table billing.invoice_movement (
    invoice_id uuid not null references billing.invoice,
    kind text not null,
    transfers bigint not null,
    amount bigint not null,
    primary key (invoice_id, kind)
);

-- Issued invoices are done: nothing about them changes but that a credit note voids them.
create function billing.keep_issued() returns trigger language plpgsql as $$
begin
    if tg_op <> 'UPDATE' then
        raise exception 'invoices are never deleted' using errcode = 'restrict_violation';
    end if;
    if old.number is not null and (
        to_jsonb(old) - 'state' - 'voided_at' <> to_jsonb(new) - 'state' - 'voided_at'
        or old.state <> new.state and (old.state, new.state) <> ('finalised', 'void'))
    then
        raise exception 'issued invoices are immutable' using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;
create trigger invoice_is_kept before update or delete on billing.invoice
    for each row execute function billing.keep_issued();

create function billing.only_to_drafts() returns trigger language plpgsql as $$
begin
    if exists (select from billing.invoice i where i.invoice_id = new.invoice_id and i.number is not null) then
        raise exception 'issued invoices are immutable' using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

do $$
declare
    v_table text;
begin
    foreach v_table in array array['invoice', 'invoice_line', 'invoice_movement'] loop
        execute format('create trigger is_not_truncated before truncate on billing.%I
            for each statement execute function billing.refuse_change()', v_table);
    end loop;
    foreach v_table in array array['invoice_line', 'invoice_movement'] loop
        execute format('create trigger is_immutable before update or delete on billing.%I
            for each row execute function billing.refuse_change()', v_table);
        execute format('create trigger only_to_drafts before insert on billing.%I
            for each row execute function billing.only_to_drafts()', v_table);
    end loop;
    foreach v_table in array
        array['billing_profile', 'invoicing_freeze', 'invoice', 'invoice_line', 'invoice_movement']
    loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert on billing.%I to patchbay_billing', v_table);
    end loop;
end
$$;
grant update on billing.billing_profile, billing.invoice to patchbay_billing;
grant delete on billing.invoicing_freeze to patchbay_billing;

-- Keeps a tenant's invoices from being issued until people have looked. The first reason stays.
create function billing.freeze_invoicing(p_tenant uuid, p_reason text) returns boolean language plpgsql as $$
begin
    insert into billing.invoicing_freeze (tenant_id, reason, frozen_at) values (p_tenant, p_reason, billing.clock())
    on conflict do nothing;
    if not found then
        return false;
    end if;
    update billing.invoice set state = 'draft' where tenant_id = p_tenant and state = 'grace';
    return true;
end
$$;

-- Answers whether the tenant was frozen. Its drafts enter their grace anew.
create function billing.unfreeze_invoicing(p_tenant uuid) returns boolean language plpgsql as $$
begin
    delete from billing.invoicing_freeze where tenant_id = p_tenant;
    return found;
end
$$;

-- Drafts enter their grace, those of frozen tenants excepted. Answers how many.
create function billing.begin_grace(p_grace_ms bigint) returns bigint language sql volatile as $$
    with begun as (
        update billing.invoice i
        set state = 'grace', finalise_after = billing.clock() + p_grace_ms * interval '1 millisecond'
        where i.state = 'draft'
            and not exists (select from billing.invoicing_freeze f where f.tenant_id = i.tenant_id)
        returning 1)
    select count(*) from begun
$$;
