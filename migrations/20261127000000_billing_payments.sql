-- Billing: payments, what is given back of them, and what the payment processor books.
set lock_timeout = '5s';

insert into billing.account (account_id, kind, code)
select billing.platform_account(code), 'platform', code
from unnest(array['cash', 'processor_fees', 'revenue_fees', 'tax_payable', 'chargeback_loss', 'breakage']) code
on conflict do nothing;

-- What a tenant is to the payment processor. Written under the lock of the tenant's balance or by itself.
create table billing.payer (
    tenant_id uuid primary key,
    customer_id text unique,
    payment_method_id text,
    card_brand text,
    card_last4 text,
    auto_enabled boolean not null default false,
    -- Nano-USD: buys `auto_amount` whenever less than `auto_threshold` is available.
    auto_threshold bigint not null default 0 check (auto_threshold >= 0),
    auto_amount bigint not null default 0 check (auto_amount >= 0),
    -- The automatic payment that is under way; there is one at most.
    auto_payment_id uuid,
    auto_failures integer not null default 0,
    auto_failure text,
    auto_next_at timestamptz not null default '-infinity',
    -- A payment was disputed and that was not taken back: people look before more is done for this tenant.
    flagged boolean not null default false,
    -- Credit was bought outside the processor.
    bought_by_hand boolean not null default false,
    -- How much of what the balance spent has been counted against promotions.
    counted_spent bigint not null default 0
) with (fillfactor = 70);

-- `source` is whatever the caller names the payment by: paying again with the same changes nothing.
create table billing.payment (
    payment_id uuid primary key,
    tenant_id uuid not null,
    kind text not null check (kind in ('checkout', 'auto_top_up')),
    source text not null,
    -- Nano-USD, whole cents: the credit bought, what buying costs, and the tax that the processor added.
    amount bigint not null check (amount > 0 and amount % 10000000 = 0),
    fee bigint not null check (fee >= 0 and fee % 10000000 = 0),
    tax bigint not null default 0 check (tax >= 0),
    state text not null default 'pending' check (state in ('pending', 'succeeded', 'failed', 'refunded', 'disputed')),
    saves_card boolean not null default false,
    customer_id text,
    payment_method_id text,
    session_id text unique,
    intent_id text unique,
    url text,
    failure text,
    -- Whether the processor has said what it keeps of it.
    cleared boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- When somebody last took it upon himself to ask the processor.
    looked_at timestamptz not null,
    paid_at timestamptz,
    unique (tenant_id, source)
) with (fillfactor = 70);
create index payment_tenant on billing.payment (tenant_id, created_at desc, payment_id desc);
create index payment_pending on billing.payment (looked_at) where state = 'pending' or paid_at is not null and not cleared;

-- What goes back of a payment: asked for (`refund`) or taken by the payer's bank (`chargeback`).
-- amount = credit + fee + tax + lost, where each came from. `lost` is owed by the tenant: it was spent or is held.
create table billing.reversal (
    reversal_id uuid primary key,
    payment_id uuid not null references billing.payment,
    tenant_id uuid not null,
    kind text not null check (kind in ('refund', 'chargeback')),
    source text not null,
    amount bigint not null check (amount > 0),
    credit bigint not null check (credit >= 0),
    fee bigint not null check (fee >= 0),
    tax bigint not null check (tax >= 0),
    lost bigint not null check (lost >= 0),
    -- `undone`: a refund that failed, a dispute that was won; all of it is back.
    state text not null check (state in ('pending', 'done', 'undone')),
    processor_id text unique,
    reason text not null default '',
    actor text not null default '',
    collections smallint not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (payment_id, source),
    check (credit + fee + tax + lost = amount)
) with (fillfactor = 70);
create index reversal_open on billing.reversal (payment_id) where state = 'pending';
create index reversal_owed on billing.reversal (tenant_id) where lost > 0 and state <> 'undone';

-- What the processor booked on our account there: `amount` came (or went), `fee` it kept of it.
create table billing.processor_entry (
    entry_id text primary key,
    payment_id uuid not null references billing.payment,
    amount bigint not null,
    fee bigint not null,
    recorded_at timestamptz not null
);
create index processor_entry_payment on billing.processor_entry (payment_id);
create trigger processor_entry_is_immutable before update or delete on billing.processor_entry
    for each row execute function billing.refuse_change();

-- Promotional credit. It is spent before bought credit, what expires first before the rest.
create table billing.promotion (
    promotion_id uuid primary key,
    tenant_id uuid not null,
    amount bigint not null check (amount > 0),
    remaining bigint not null check (remaining >= 0),
    expired bigint not null default 0 check (expired >= 0),
    granted_at timestamptz not null,
    expires_at timestamptz,
    reason text not null default '',
    check (remaining + expired <= amount)
) with (fillfactor = 70);
create index promotion_open on billing.promotion (tenant_id, expires_at) where remaining > 0;
create index promotion_expiry on billing.promotion (expires_at) where remaining > 0;

do $$
declare
    v_table text;
begin
    foreach v_table in array array['payer', 'payment', 'reversal', 'processor_entry', 'promotion'] loop
        execute format('alter table billing.%I enable row level security', v_table);
        execute format('alter table billing.%I force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert on billing.%I to patchbay_billing', v_table);
        execute format('grant select on billing.%I to patchbay_report', v_table);
        execute format('create policy report_reads on billing.%I for select to patchbay_report using (true)', v_table);
    end loop;
end
$$;
grant update on billing.payer, billing.payment, billing.reversal, billing.promotion to patchbay_billing;

insert into billing.payer (tenant_id, bought_by_hand)
select distinct t.tenant_id, true from billing.transfer t where t.kind = 'purchase';

-- One leg of what a payment is about. Amounts of zero write nothing.
create function billing.post(
    p_source uuid, p_kind text, p_leg integer, p_debit uuid, p_credit uuid, p_amount bigint, p_tenant uuid,
    p_period bigint, p_note text default null
) returns void language plpgsql as $$
begin
    if p_amount > 0 then
        insert into billing.transfer
            (source_id, kind, leg, debit_account, credit_account, amount, tenant_id, period_id, posted_at, note)
        values (p_source, p_kind, p_leg, p_debit, p_credit, p_amount, p_tenant, p_period, billing.clock(), p_note);
    end if;
end
$$;

-- What buying costs beside the credit, in whole cents. As the tenant's plan says.
create function billing.checkout_fee(p_tenant uuid, p_amount bigint) returns bigint language sql volatile as $$
    select (coalesce(billing.purchase_fee(p_tenant, p_amount), 0) + 5000000) / 10000000 * 10000000
$$;

create function billing.open_payment(p_payment uuid, p_tenant uuid, p_kind text, p_source text, p_amount bigint, p_saves_card boolean)
returns billing.payment language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_payment billing.payment;
begin
    if not exists (select from billing.tenant where tenant_id = p_tenant) then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    insert into billing.payer (tenant_id) values (p_tenant) on conflict do nothing;
    insert into billing.payment (payment_id, tenant_id, kind, source, amount, fee, saves_card, customer_id,
        payment_method_id, created_at, updated_at, looked_at)
    select p_payment, p_tenant, p_kind, p_source, p_amount, billing.checkout_fee(p_tenant, p_amount), p_saves_card,
        r.customer_id, case when p_kind = 'auto_top_up' then r.payment_method_id end, v_now, v_now, v_now
    from billing.payer r where r.tenant_id = p_tenant
    on conflict (tenant_id, source) do nothing;
    select * into strict v_payment from billing.payment where tenant_id = p_tenant and source = p_source;
    if (v_payment.amount, v_payment.kind, v_payment.saves_card) <> (p_amount, p_kind, p_saves_card) then
        raise exception 'the source was used for another payment' using errcode = 'PB409';
    end if;
    return v_payment;
end
$$;

-- Takes `p_amount` back out of a payment, of which the caller holds the lock, and out of the credit that is
-- there; what is not there is owed. Fee and tax go back only beyond the credit.
create function billing.take_back(
    p_payment billing.payment, p_reversal uuid, p_kind text, p_source text, p_amount bigint, p_processor_id text,
    p_state text, p_reason text, p_actor text
) returns void language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_now timestamptz := billing.clock();
    v_account uuid;
    v_available bigint;
    v_left record;
    v_part bigint;
    v_credit bigint;
    v_fee bigint;
    v_tax bigint;
    v_lost bigint;
begin
    select credit_account_id into strict v_account from billing.tenant where tenant_id = p_payment.tenant_id;
    select available into strict v_available from billing.balance
    where account_id = v_account and window_start = 'epoch' for update;
    select p_payment.amount - coalesce(sum(r.credit + r.lost), 0) as credit, p_payment.fee - coalesce(sum(r.fee), 0) as fee,
        p_payment.tax - coalesce(sum(r.tax), 0) as tax
    into v_left from billing.reversal r where r.payment_id = p_payment.payment_id and r.state <> 'undone';
    v_part := greatest(least(p_amount, v_left.credit), 0);
    v_fee := least(p_amount - v_part, v_left.fee);
    v_tax := least(p_amount - v_part - v_fee, v_left.tax);
    v_credit := least(v_part, v_available);
    v_lost := p_amount - v_credit - v_fee - v_tax;
    insert into billing.reversal (reversal_id, payment_id, tenant_id, kind, source, amount, credit, fee, tax, lost, state,
        processor_id, reason, actor, created_at, updated_at)
    values (p_reversal, p_payment.payment_id, p_payment.tenant_id, p_kind, p_source, p_amount, v_credit, v_fee, v_tax, v_lost,
        p_state, p_processor_id, p_reason, p_actor, v_now, v_now);
    update billing.balance set added = added - v_credit where account_id = v_account and window_start = 'epoch';
    perform billing.post(p_reversal, p_kind, x.leg, x.account, billing.platform_account('cash_clearing'), x.amount,
        p_payment.tenant_id, v_period, p_reason)
    from (values (0, v_account, v_credit), (1, billing.platform_account('revenue_fees'), v_fee),
        (2, billing.platform_account('tax_payable'), v_tax), (3, billing.platform_account('chargeback_loss'), v_lost))
        as x (leg, account, amount);
end
$$;

-- Gives back all that a reversal took.
create function billing.undo_reversal(p_reversal uuid) returns void language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_reversal billing.reversal;
    v_account uuid;
begin
    select * into strict v_reversal from billing.reversal where reversal_id = p_reversal for update;
    if v_reversal.state = 'undone' then
        return;
    end if;
    select credit_account_id into strict v_account from billing.tenant where tenant_id = v_reversal.tenant_id;
    update billing.balance set added = added + v_reversal.credit where account_id = v_account and window_start = 'epoch';
    update billing.reversal set state = 'undone', updated_at = billing.clock() where reversal_id = p_reversal;
    perform billing.post(p_reversal, v_reversal.kind || '_undone', x.leg, billing.platform_account('cash_clearing'), x.account,
        x.amount, v_reversal.tenant_id, v_period)
    from (values (0, v_account, v_reversal.credit), (1, billing.platform_account('revenue_fees'), v_reversal.fee),
        (2, billing.platform_account('tax_payable'), v_reversal.tax),
        (3, billing.platform_account('chargeback_loss'), v_reversal.lost)) as x (leg, account, amount);
end
$$;

-- Says of a paid payment and its tenant what their reversals make of them. The caller holds the payment's lock.
create function billing.restate_payment(p_payment uuid) returns void language plpgsql as $$
declare
    v_payment billing.payment;
    v_disputed boolean;
    v_reversed bigint;
begin
    select exists (select from billing.reversal where payment_id = p_payment and kind = 'chargeback' and state <> 'undone'),
        coalesce((select sum(credit + lost) from billing.reversal
            where payment_id = p_payment and kind = 'refund' and state <> 'undone'), 0)
    into v_disputed, v_reversed;
    update billing.payment
    set state = case when v_disputed then 'disputed' when v_reversed >= amount then 'refunded' else 'succeeded' end,
        updated_at = billing.clock()
    where payment_id = p_payment and paid_at is not null
    returning * into v_payment;
    if not found then
        return;
    end if;
    update billing.payer set flagged = exists (select from billing.reversal r
        where r.tenant_id = v_payment.tenant_id and r.kind = 'chargeback' and r.state <> 'undone')
    where tenant_id = v_payment.tenant_id;
    update billing.tenant t set has_paid = p.paid
    from (select r.bought_by_hand or exists (select from billing.payment p
            where p.tenant_id = r.tenant_id and p.state = 'succeeded') as paid
        from billing.payer r where r.tenant_id = v_payment.tenant_id) p
    where t.tenant_id = v_payment.tenant_id and t.has_paid <> p.paid;
end
$$;

-- What the processor booked: cash for what it owed us, less what it keeps.
create function billing.record_entries(p_payment billing.payment, p_entries jsonb) returns void language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_clearing uuid := billing.platform_account('cash_clearing');
    v_cash uuid := billing.platform_account('cash');
    v_fees uuid := billing.platform_account('processor_fees');
    v_source uuid;
    v_entry record;
begin
    for v_entry in select * from jsonb_to_recordset(p_entries) as e (id text, amount bigint, fee bigint) order by id loop
        insert into billing.processor_entry (entry_id, payment_id, amount, fee, recorded_at)
        values (v_entry.id, p_payment.payment_id, v_entry.amount, v_entry.fee, billing.clock()) on conflict do nothing;
        continue when not found;
        v_source := md5('processor/' || v_entry.id)::uuid;
        perform billing.post(v_source, 'clearing', x.leg, x.debit, x.credit, x.amount, p_payment.tenant_id, v_period, v_entry.id)
        from (values (0, v_cash, v_clearing, v_entry.amount), (0, v_clearing, v_cash, -v_entry.amount),
            (1, v_fees, v_cash, v_entry.fee), (1, v_cash, v_fees, -v_entry.fee)) as x (leg, debit, credit, amount);
    end loop;
    update billing.payment set cleared = true
    where payment_id = p_payment.payment_id and not cleared
        and exists (select from billing.processor_entry e where e.payment_id = p_payment.payment_id and e.amount > 0);
end
$$;

-- Brings our books to what the processor says of a payment. It may be told again, late, in any order and at the
-- same time: each telling is the whole truth, and only what is new in it is written.
-- Facts: session_id, intent_id, customer_id, state (pending, succeeded, failed), failure, received,
-- card {id, brand, last4}, refunds [{id, reversal_id, amount, state (pending, done, undone), reason}],
-- disputes [the same], entries [{id, amount, fee}].
create function billing.apply_payment(p_payment uuid, p_facts jsonb) returns billing.payment language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_now timestamptz := billing.clock();
    v_received bigint := coalesce((p_facts ->> 'received')::bigint, 0);
    v_clearing uuid := billing.platform_account('cash_clearing');
    v_payment billing.payment;
    v_account uuid;
    v_said record;
    v_known billing.reversal;
begin
    select * into v_payment from billing.payment where payment_id = p_payment for update;
    if not found then
        raise exception 'unknown payment' using errcode = 'PB404';
    end if;
    select credit_account_id into strict v_account from billing.tenant where tenant_id = v_payment.tenant_id;
    perform from billing.balance where account_id = v_account and window_start = 'epoch' for update;
    update billing.payment
    set session_id = coalesce(session_id, p_facts ->> 'session_id'), intent_id = coalesce(intent_id, p_facts ->> 'intent_id'),
        customer_id = coalesce(customer_id, p_facts ->> 'customer_id')
    where payment_id = p_payment;

    if p_facts ->> 'state' = 'succeeded' and v_payment.paid_at is null then
        if v_received < v_payment.amount + v_payment.fee then
            raise exception 'payment %: % was received, less than was asked for', p_payment, v_received using errcode = 'PB409';
        end if;
        perform billing.post(p_payment, x.kind, 0, v_clearing, x.account, x.amount, v_payment.tenant_id, v_period)
        from (values ('purchase', v_account, v_payment.amount),
            ('purchase_fee', billing.platform_account('revenue_fees'), v_payment.fee),
            ('purchase_tax', billing.platform_account('tax_payable'), v_received - v_payment.amount - v_payment.fee))
            as x (kind, account, amount);
        update billing.balance set added = added + v_payment.amount where account_id = v_account and window_start = 'epoch';
        update billing.payment set state = 'succeeded', paid_at = v_now, updated_at = v_now, failure = null,
            tax = v_received - amount - fee
        where payment_id = p_payment;
        update billing.payer r
        set customer_id = coalesce(r.customer_id, p_facts ->> 'customer_id'),
            payment_method_id = case when v_card.id is null then r.payment_method_id else v_card.id end,
            card_brand = case when v_card.id is null then r.card_brand else v_card.brand end,
            card_last4 = case when v_card.id is null then r.card_last4 else v_card.last4 end
        from (select c.id, c.brand, c.last4
            from (select) one left join lateral jsonb_to_record(p_facts -> 'card') as c (id text, brand text, last4 text)
            on v_payment.saves_card) v_card
        where r.tenant_id = v_payment.tenant_id;
    elsif p_facts ->> 'state' = 'failed' and v_payment.state = 'pending' then
        update billing.payment set state = 'failed', updated_at = v_now, failure = p_facts ->> 'failure' where payment_id = p_payment;
    end if;
    if v_payment.kind = 'auto_top_up' and v_payment.state = 'pending' then
        perform billing.end_auto_top_up(p_payment);
    end if;

    select * into strict v_payment from billing.payment where payment_id = p_payment;
    if v_payment.paid_at is null then
        return v_payment;
    end if;
    for v_said in
        select 'refund' as kind, r.* from jsonb_to_recordset(coalesce(p_facts -> 'refunds', '[]'))
            as r (id text, reversal_id uuid, amount bigint, state text, reason text)
        union all
        select 'chargeback', d.* from jsonb_to_recordset(coalesce(p_facts -> 'disputes', '[]'))
            as d (id text, reversal_id uuid, amount bigint, state text, reason text)
        order by 2
    loop
        select * into v_known from billing.reversal
        where payment_id = p_payment and (processor_id = v_said.id or reversal_id = v_said.reversal_id) for update;
        if not found then
            if v_said.state <> 'undone' then
                perform billing.take_back(v_payment, gen_random_uuid(), v_said.kind, v_said.id, v_said.amount, v_said.id,
                    v_said.state, coalesce(v_said.reason, ''), 'processor');
            end if;
        elsif v_said.state = 'undone' then
            update billing.reversal set processor_id = v_said.id where reversal_id = v_known.reversal_id;
            perform billing.undo_reversal(v_known.reversal_id);
        elsif v_known.state <> 'undone' then
            update billing.reversal set processor_id = v_said.id, state = v_said.state, updated_at = v_now
            where reversal_id = v_known.reversal_id and (processor_id, state) is distinct from (v_said.id, v_said.state);
        end if;
    end loop;
    perform billing.record_entries(v_payment, coalesce(p_facts -> 'entries', '[]'));
    perform billing.restate_payment(p_payment);
    return (select p from billing.payment p where p.payment_id = p_payment);
end
$$;

-- Takes a refund out of credit, before the processor is asked for it. All that is left when no amount is said.
-- `p_tenant` is whose payment it must be, `p_within` bounds how long after paying; null = no matter.
create function billing.open_refund(
    p_reversal uuid, p_payment uuid, p_tenant uuid, p_source text, p_amount bigint, p_reason text, p_actor text,
    p_within interval
) returns billing.reversal language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_now timestamptz := billing.clock();
    v_payment billing.payment;
    v_reversal billing.reversal;
    v_account uuid;
    v_most bigint;
begin
    select * into v_payment from billing.payment where payment_id = p_payment for update;
    if not found or v_payment.tenant_id <> p_tenant then
        raise exception 'unknown payment' using errcode = 'PB404';
    end if;
    select * into v_reversal from billing.reversal where payment_id = p_payment and source = p_source;
    if found then
        if v_reversal.amount <> coalesce(p_amount, v_reversal.amount) then
            raise exception 'the source was used for another amount' using errcode = 'PB409';
        end if;
        return v_reversal;
    end if;
    if v_payment.state <> 'succeeded' then
        raise exception 'nothing can be refunded: the payment is %', v_payment.state using errcode = 'PB409';
    end if;
    if v_now > v_payment.paid_at + p_within then
        raise exception 'the time in which this payment could be refunded is over' using errcode = 'PB409';
    end if;
    select credit_account_id into strict v_account from billing.tenant where tenant_id = v_payment.tenant_id;
    perform billing.count_promotions(v_payment.tenant_id);
    -- Promotional credit is not paid out, held credit may be about to be spent.
    select least(v_payment.amount - coalesce((select sum(r.credit + r.lost) from billing.reversal r
            where r.payment_id = p_payment and r.state <> 'undone'), 0),
        b.available - coalesce((select sum(p.remaining) from billing.promotion p where p.tenant_id = v_payment.tenant_id), 0))
        / 10000000 * 10000000
    into strict v_most from billing.balance b where b.account_id = v_account and b.window_start = 'epoch';
    if v_most <= 0 then
        raise exception 'nothing is left of the payment to refund' using errcode = 'PB409';
    end if;
    if p_amount > v_most then
        raise exception 'at most % USD can be refunded', to_char(v_most / 1000000000.0, 'FM999999990.00') using errcode = 'PB409';
    end if;
    perform billing.take_back(v_payment, p_reversal, 'refund', p_source, coalesce(p_amount, v_most), null, 'pending', p_reason, p_actor);
    perform billing.restate_payment(p_payment);
    select * into strict v_reversal from billing.reversal where reversal_id = p_reversal;
    return v_reversal;
end
$$;

-- The processor will not make this refund.
create function billing.refuse_refund(p_reversal uuid) returns void language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_payment uuid;
begin
    select payment_id into strict v_payment from billing.reversal where reversal_id = p_reversal;
    perform from billing.payment where payment_id = v_payment for update;
    perform billing.undo_reversal(p_reversal);
    perform billing.restate_payment(v_payment);
end
$$;

-- Payments that somebody should ask the processor about, each given to one asker: pending ones, ones with pending
-- refunds, ones whose fee is not known. The older one is, the less often: nobody waits at an abandoned page.
create function billing.due_payments(p_after interval, p_batch integer) returns setof uuid language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
begin
    return query
    update billing.payment p set looked_at = v_now
    where p.payment_id in (
        select d.payment_id from billing.payment d
        where (d.state = 'pending' or d.paid_at is not null and not d.cleared) and d.looked_at < v_now - greatest(p_after, (v_now - d.created_at) / 10)
            and (d.paid_at is null or d.paid_at > v_now - interval '90 days')
        order by d.looked_at limit p_batch for update skip locked)
    returning p.payment_id;
    return query
    update billing.payment p set looked_at = v_now
    where p.payment_id in (
        select d.payment_id from billing.payment d
        where d.looked_at < v_now - p_after and d.payment_id in (select payment_id from billing.reversal where state = 'pending')
        order by d.looked_at limit p_batch for update skip locked)
    returning p.payment_id;
end
$$;

-- Takes what tenants owe out of what they have by now.
create function billing.collect_owed(p_batch integer) returns bigint language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_collected bigint := 0;
    v_owed record;
    v_available bigint;
    v_take bigint;
begin
    for v_owed in
        select r.reversal_id, r.payment_id, t.tenant_id, t.credit_account_id
        from billing.reversal r
        join billing.tenant t on t.tenant_id = r.tenant_id
        join billing.balance b on b.account_id = t.credit_account_id and b.window_start = 'epoch' and b.available > 0
        where r.lost > 0 and r.state <> 'undone'
        order by t.credit_account_id, r.reversal_id limit p_batch
    loop
        perform from billing.payment where payment_id = v_owed.payment_id for update skip locked;
        continue when not found;
        select available into strict v_available from billing.balance
        where account_id = v_owed.credit_account_id and window_start = 'epoch' for update;
        select least(lost, v_available) into v_take from billing.reversal
        where reversal_id = v_owed.reversal_id and state <> 'undone' for update;
        continue when coalesce(v_take, 0) <= 0;
        update billing.balance set added = added - v_take where account_id = v_owed.credit_account_id and window_start = 'epoch';
        perform billing.post(v_owed.reversal_id, 'owed', collections, v_owed.credit_account_id,
            billing.platform_account('chargeback_loss'), v_take, v_owed.tenant_id, v_period)
        from billing.reversal where reversal_id = v_owed.reversal_id;
        update billing.reversal
        set credit = credit + v_take, lost = lost - v_take, collections = collections + 1, updated_at = billing.clock()
        where reversal_id = v_owed.reversal_id;
        v_collected := v_collected + v_take;
    end loop;
    return v_collected;
end
$$;
