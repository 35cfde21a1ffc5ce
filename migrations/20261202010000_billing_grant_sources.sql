-- Billing: what names a grant of credit to a tenant names one grant, of whichever kind.
set lock_timeout = '5s';

-- Adds credit once per source, which is its tenant's own. The balance after it. Promotions may expire. Fails with PB404
-- for an unknown tenant and PB409 when the source was used for anything else.
create or replace function billing.grant_credit(
    p_tenant uuid, p_amount bigint, p_kind text, p_source text, p_note text, p_expires timestamptz default null
) returns bigint language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_source uuid := md5(p_tenant || '/' || p_source)::uuid;
    v_account uuid;
    v_from uuid := billing.platform_account(case p_kind
        when 'purchase' then 'cash_clearing' when 'promotion' then 'promo_expense' end);
    v_known billing.transfer;
    v_balance bigint;
begin
    select credit_account_id into v_account from billing.tenant where tenant_id = p_tenant;
    if v_account is null then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    -- The ledger's key tells kinds apart, since the legs of one purchase share a source. Whoever grants waits here instead.
    perform pg_advisory_xact_lock(hashtextextended('patchbay/credit/' || v_source, 0));
    select * into v_known from billing.transfer
    where source_id = v_source and kind in ('purchase', 'promotion') order by kind = p_kind desc limit 1;
    if found then
        if v_known.kind <> p_kind then
            raise exception 'source_id: it names a % of this organisation; name each grant of its own', v_known.kind
                using errcode = 'PB409';
        elsif v_known.amount <> p_amount then
            raise exception 'source_id: it names credit of another amount; name each grant of its own' using errcode = 'PB409';
        elsif p_kind = 'promotion' and exists (select from billing.promotion
                where promotion_id = v_source and expires_at is distinct from p_expires) then
            raise exception 'source_id: it names credit that ends at another time; name each grant of its own'
                using errcode = 'PB409';
        end if;
        return (select posted from billing.balance where account_id = v_account and window_start = 'epoch');
    end if;
    insert into billing.transfer
        (source_id, kind, debit_account, credit_account, amount, tenant_id, period_id, posted_at, note)
    values (v_source, p_kind, v_from, v_account, p_amount, p_tenant, v_period, billing.clock(), p_note);
    if p_kind = 'promotion' then
        perform billing.count_promotions(p_tenant);
        insert into billing.promotion (promotion_id, tenant_id, amount, remaining, granted_at, expires_at, reason)
        values (v_source, p_tenant, p_amount, p_amount, billing.clock(), p_expires, p_note);
    end if;
    update billing.balance set added = added + p_amount
    where account_id = v_account and window_start = 'epoch' returning posted into v_balance;
    if p_kind = 'purchase' then
        insert into billing.payer (tenant_id, bought_by_hand, hand_bought) values (p_tenant, true, p_amount)
        on conflict (tenant_id) do update
        set bought_by_hand = true, hand_bought = payer.hand_bought + excluded.hand_bought;
        update billing.tenant set has_paid = true where tenant_id = p_tenant and not has_paid;
    end if;
    return v_balance;
end
$$;
