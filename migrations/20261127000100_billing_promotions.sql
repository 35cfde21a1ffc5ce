-- Billing: promotions that expire, and automatic purchases.
set lock_timeout = '5s';

-- Counts what a tenant spent since the last count against its promotions. Locks the balance. Called before the
-- promotions of a tenant change and before they are looked at; between two counts they are the same ones, so it
-- does not matter how long ago the last was.
create function billing.count_promotions(p_tenant uuid) returns void language plpgsql as $$
declare
    v_spent bigint;
    v_new bigint;
    v_promotion record;
    v_take bigint;
begin
    select b.spent into strict v_spent from billing.tenant t
    join billing.balance b on b.account_id = t.credit_account_id and b.window_start = 'epoch'
    where t.tenant_id = p_tenant for update of b;
    insert into billing.payer (tenant_id, counted_spent) values (p_tenant, v_spent) on conflict do nothing;
    select v_spent - counted_spent into strict v_new from billing.payer where tenant_id = p_tenant for update;
    update billing.payer set counted_spent = v_spent where tenant_id = p_tenant and counted_spent <> v_spent;
    for v_promotion in
        select promotion_id, remaining from billing.promotion where tenant_id = p_tenant and remaining > 0
        order by expires_at nulls last, granted_at, promotion_id
    loop
        exit when v_new <= 0;
        v_take := least(v_new, v_promotion.remaining);
        update billing.promotion set remaining = remaining - v_take where promotion_id = v_promotion.promotion_id;
        v_new := v_new - v_take;
    end loop;
end
$$;

-- Adds credit once per source. The balance after it. Promotions may expire.
drop function billing.grant_credit(uuid, bigint, text, text, text);
create function billing.grant_credit(
    p_tenant uuid, p_amount bigint, p_kind text, p_source text, p_note text, p_expires timestamptz default null
) returns bigint language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_source uuid := md5(p_tenant || '/' || p_source)::uuid;
    v_account uuid;
    v_from uuid := billing.platform_account(case p_kind
        when 'purchase' then 'cash_clearing' when 'promotion' then 'promo_expense' end);
    v_balance bigint;
begin
    select credit_account_id into v_account from billing.tenant where tenant_id = p_tenant;
    if v_account is null then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    insert into billing.transfer
        (source_id, kind, debit_account, credit_account, amount, tenant_id, period_id, posted_at, note)
    values (v_source, p_kind, v_from, v_account, p_amount, p_tenant, v_period, billing.clock(), p_note)
    on conflict do nothing;
    if found then
        if p_kind = 'promotion' then
            perform billing.count_promotions(p_tenant);
            insert into billing.promotion (promotion_id, tenant_id, amount, remaining, granted_at, expires_at, reason)
            values (v_source, p_tenant, p_amount, p_amount, billing.clock(), p_expires, p_note);
        end if;
        update billing.balance set added = added + p_amount
        where account_id = v_account and window_start = 'epoch' returning posted into v_balance;
        if p_kind = 'purchase' then
            insert into billing.payer (tenant_id, bought_by_hand) values (p_tenant, true)
            on conflict (tenant_id) do update set bought_by_hand = true;
            update billing.tenant set has_paid = true where tenant_id = p_tenant and not has_paid;
        end if;
        return v_balance;
    end if;
    if not exists (select from billing.transfer
            where source_id = v_source and kind = p_kind and amount = p_amount and credit_account = v_account)
        or exists (select from billing.promotion
            where promotion_id = v_source and expires_at is distinct from p_expires and p_kind = 'promotion')
    then
        raise exception 'the source was used for another amount' using errcode = 'PB409';
    end if;
    return (select posted from billing.balance where account_id = v_account and window_start = 'epoch');
end
$$;

-- Takes away what is left of promotions whose time is over. What is held waits until it is spent or free.
create function billing.expire_promotions(p_batch integer) returns bigint language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_now timestamptz := billing.clock();
    v_expired bigint := 0;
    v_tenant record;
    v_promotion record;
    v_available bigint;
    v_take bigint;
begin
    for v_tenant in
        select t.tenant_id, t.credit_account_id from billing.tenant t
        join billing.balance b on b.account_id = t.credit_account_id and b.window_start = 'epoch' and b.available > 0
        where t.tenant_id in (select p.tenant_id from billing.promotion p where p.remaining > 0 and p.expires_at <= v_now)
        order by t.credit_account_id limit p_batch
    loop
        perform billing.count_promotions(v_tenant.tenant_id);
        select available into strict v_available from billing.balance
        where account_id = v_tenant.credit_account_id and window_start = 'epoch';
        for v_promotion in
            select p.promotion_id, p.remaining, (select count(*) from billing.transfer t
                where t.source_id = p.promotion_id and t.kind = 'expiry')::integer as leg
            from billing.promotion p
            where p.tenant_id = v_tenant.tenant_id and p.remaining > 0 and p.expires_at <= v_now
            order by p.expires_at, p.granted_at, p.promotion_id
        loop
            v_take := least(v_promotion.remaining, v_available);
            exit when v_take <= 0;
            update billing.balance set added = added - v_take
            where account_id = v_tenant.credit_account_id and window_start = 'epoch';
            update billing.promotion set remaining = remaining - v_take, expired = expired + v_take
            where promotion_id = v_promotion.promotion_id;
            perform billing.post(v_promotion.promotion_id, 'expiry', v_promotion.leg, v_tenant.credit_account_id,
                billing.platform_account('breakage'), v_take, v_tenant.tenant_id, v_period);
            v_available := v_available - v_take;
            v_expired := v_expired + v_take;
        end loop;
    end loop;
    return v_expired;
end
$$;

-- Sets when credit is bought by itself. A new setting forgives earlier declines.
create function billing.put_auto_top_up(p_tenant uuid, p_enabled boolean, p_threshold bigint, p_amount bigint)
returns billing.payer language plpgsql as $$
declare
    v_payer billing.payer;
begin
    if not exists (select from billing.tenant where tenant_id = p_tenant) then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    insert into billing.payer (tenant_id) values (p_tenant) on conflict do nothing;
    update billing.payer
    set auto_enabled = p_enabled, auto_threshold = p_threshold, auto_amount = p_amount, auto_failures = 0, auto_failure = null,
        auto_next_at = '-infinity'
    where tenant_id = p_tenant returning * into v_payer;
    if p_enabled and v_payer.payment_method_id is null then
        raise exception 'no card is saved: buy credit once with `save_card`' using errcode = 'PB409';
    end if;
    return v_payer;
end
$$;

-- Begins automatic payments for tenants that are short, one at most for each. The caller charges them.
create function billing.begin_auto_top_ups(p_batch integer) returns setof uuid language plpgsql as $$
declare
    v_payer billing.payer;
    v_payment uuid;
begin
    for v_payer in
        select r.* from billing.payer r
        join billing.tenant t on t.tenant_id = r.tenant_id
        join billing.balance b on b.account_id = t.credit_account_id and b.window_start = 'epoch'
        where r.auto_enabled and not r.flagged and r.auto_payment_id is null and r.payment_method_id is not null
            and r.auto_next_at <= billing.clock() and b.available < r.auto_threshold
        limit p_batch for update of r skip locked
    loop
        -- A purchase may have come to its end between our snapshot and our lock.
        continue when not exists (select from billing.tenant t
            join billing.balance b on b.account_id = t.credit_account_id and b.window_start = 'epoch'
            where t.tenant_id = v_payer.tenant_id and b.available < v_payer.auto_threshold);
        v_payment := gen_random_uuid();
        perform billing.open_payment(v_payment, v_payer.tenant_id, 'auto_top_up', 'auto:' || v_payment, v_payer.auto_amount, false);
        update billing.payer set auto_payment_id = v_payment where tenant_id = v_payer.tenant_id;
        return next v_payment;
    end loop;
end
$$;

-- The automatic payment has come to something. After a decline the next try waits an hour, then longer, up to a day.
create function billing.end_auto_top_up(p_payment uuid) returns void language plpgsql as $$
begin
    update billing.payer r
    set auto_payment_id = null,
        auto_failures = case p.state when 'failed' then r.auto_failures + 1 else 0 end,
        auto_failure = p.failure,
        auto_next_at = case p.state when 'failed'
            then billing.clock() + least(interval '1 hour' * (1 << least(r.auto_failures, 5)), interval '1 day')
            else billing.clock() end
    from billing.payment p
    where p.payment_id = p_payment and p.state <> 'pending' and r.tenant_id = p.tenant_id and r.auto_payment_id = p_payment;
end
$$;

create view report.payments with (security_invoker = true) as
select p.payment_id, p.tenant_id, p.kind, p.source, p.amount, p.fee, p.tax, p.state, p.session_id, p.intent_id, p.failure,
    p.cleared, p.created_at, p.updated_at, p.paid_at
from billing.payment p;

create view report.reversals with (security_invoker = true) as
select r.reversal_id, r.payment_id, r.tenant_id, r.kind, r.amount, r.credit, r.fee, r.tax, r.lost, r.state, r.processor_id,
    r.reason, r.actor, r.created_at, r.updated_at
from billing.reversal r;

create view report.promotions with (security_invoker = true) as
select p.promotion_id, p.tenant_id, p.amount, p.remaining, p.expired, p.granted_at, p.expires_at, p.reason
from billing.promotion p;

create view report.processor_entries with (security_invoker = true) as
select e.entry_id, e.payment_id, p.tenant_id, e.amount, e.fee, e.recorded_at
from billing.processor_entry e left join billing.payment p using (payment_id);

grant select on report.payments, report.reversals, report.promotions, report.processor_entries
    to patchbay_report, patchbay_billing;
