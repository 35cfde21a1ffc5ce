-- Billing: how much credit a tenant ever bought.
set lock_timeout = '5s';

-- Nano-USD of purchases that no payment of ours brought.
alter table billing.payer add column hand_bought bigint not null default 0 check (hand_bought >= 0);

update billing.payer r set hand_bought = s.amount
from (select t.tenant_id, sum(t.amount)::bigint as amount from billing.transfer t
    where t.kind = 'purchase' and not exists (select from billing.payment p where p.payment_id = t.source_id)
    group by t.tenant_id) s
where r.tenant_id = s.tenant_id;

-- Nano-USD that a tenant bought. What was refunded, and payments that are disputed, do not count.
create function billing.bought(p_tenant uuid) returns bigint language sql stable as $$
    select least(
        coalesce((select r.hand_bought from billing.payer r where r.tenant_id = p_tenant), 0)
        + coalesce((select sum(p.amount - coalesce((select sum(v.credit + v.lost) from billing.reversal v
                where v.payment_id = p.payment_id and v.kind = 'refund' and v.state <> 'undone'), 0))
            from billing.payment p where p.tenant_id = p_tenant and p.state = 'succeeded'), 0),
        9223372036854775807)::bigint
$$;

-- Adds credit once per source. The balance after it. Promotions may expire.
create or replace function billing.grant_credit(
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
            insert into billing.payer (tenant_id, bought_by_hand, hand_bought) values (p_tenant, true, p_amount)
            on conflict (tenant_id) do update
            set bought_by_hand = true, hand_bought = payer.hand_bought + excluded.hand_bought;
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
