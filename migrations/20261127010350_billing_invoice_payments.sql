-- Billing: money that came for an issued invoice, by bank transfer or however else. What an invoice asks for beside the
-- charges themselves, tax and rounding, is paid first; the rest pays the charges back into the tenant's credit, so that
-- its credit line is whole again when its invoices are paid.
set lock_timeout = '5s';

create table billing.invoice_payment (
    payment_id uuid primary key,
    invoice_id uuid not null references billing.invoice,
    tenant_id uuid not null,
    -- Nano-USD; whole cents, as the invoice is.
    amount bigint not null check (amount > 0 and amount % 10000000 = 0),
    -- What of it went to the tenant's credit. What is left of `amount` went to tax and rounding.
    to_credit bigint not null,
    -- The payment as whoever recorded it knows it.
    source text not null check (source <> ''),
    -- What the bank's statement says of it.
    reference text not null default '',
    received_on date not null,
    recorded_at timestamptz not null,
    unique (invoice_id, source)
);
create index invoice_payment_invoice on billing.invoice_payment (invoice_id);
create trigger invoice_payment_is_immutable before update or delete on billing.invoice_payment
    for each row execute function billing.refuse_change();

alter table billing.invoice_payment enable row level security;
alter table billing.invoice_payment force row level security;
create policy billing_all on billing.invoice_payment to patchbay_billing using (true) with check (true);
create policy report_reads on billing.invoice_payment for select to patchbay_report using (true);
grant select, insert on billing.invoice_payment to patchbay_billing;
grant select on billing.invoice_payment to patchbay_report;

-- What was paid of an invoice, and what is still to be paid; null where nothing is asked for.
create function billing.invoice_paid(p_invoice uuid) returns bigint language sql stable as $$
    select coalesce(sum(p.amount), 0)::bigint from billing.invoice_payment p where p.invoice_id = p_invoice
$$;

create function billing.invoice_left(i billing.invoice) returns bigint language sql stable as $$
    select case when i.payment = 'postpaid' and i.number is not null then
        i.total_cents * 10000000 - billing.invoice_paid(i.invoice_id)
        - coalesce((select sum(n.amount)::bigint from billing.credit_note n where n.invoice_id = i.invoice_id), 0) end
$$;

-- Records a payment; again with the same source it changes nothing. Fails with PB404 for an unknown invoice; with PB409
-- for one that asks for no money, more than is left of it, or a source that was used for something else.
create function billing.record_invoice_payment(p_invoice uuid, p_amount bigint, p_source text, p_reference text,
    p_received date) returns billing.invoice_payment language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_now timestamptz := billing.clock();
    v_invoice billing.invoice;
    v_payment billing.invoice_payment;
    v_left bigint;
    v_beside bigint;
    v_account uuid;
    v_cash uuid := billing.platform_account('cash');
    v_receivables uuid := billing.platform_account('receivables');
begin
    select * into v_invoice from billing.invoice where invoice_id = p_invoice for update;
    if v_invoice.invoice_id is null then
        raise exception 'unknown invoice' using errcode = 'PB404';
    end if;
    select * into v_payment from billing.invoice_payment p where p.invoice_id = p_invoice and p.source = p_source;
    if found then
        if (v_payment.amount, v_payment.reference, v_payment.received_on) <> (p_amount, p_reference, p_received) then
            raise exception 'the source was used for another payment' using errcode = 'PB409';
        end if;
        return v_payment;
    end if;
    v_left := billing.invoice_left(v_invoice);
    if v_left is null then
        raise exception 'this invoice asks for no money' using errcode = 'PB409';
    end if;
    if p_amount > v_left then
        raise exception 'of this invoice % USD are still to be paid', billing.usd(v_left) using errcode = 'PB409';
    end if;
    -- Tax and rounding that no payment covered yet; rounding down may make it less than nothing.
    select v_invoice.tax_cents * 10000000 + v_invoice.residue - coalesce(sum(p.amount - p.to_credit), 0)::bigint
    into v_beside from billing.invoice_payment p where p.invoice_id = p_invoice;
    v_payment := row(gen_random_uuid(), p_invoice, v_invoice.tenant_id, p_amount, p_amount - least(v_beside, p_amount),
        p_source, p_reference, p_received, v_now);
    insert into billing.invoice_payment select v_payment.*;

    select credit_account_id into strict v_account from billing.tenant where tenant_id = v_invoice.tenant_id;
    insert into billing.transfer
        (source_id, kind, leg, debit_account, credit_account, amount, tenant_id, period_id, posted_at, note)
    select v_payment.payment_id, 'invoice_payment', x.leg, x.debit, x.credit, x.amount, v_invoice.tenant_id, v_period,
        v_now, v_invoice.number
    from (values
        (0, v_cash, v_account, least(v_payment.to_credit, p_amount)),
        (1, v_cash, v_receivables, p_amount - v_payment.to_credit),
        (2, v_receivables, v_account, v_payment.to_credit - p_amount)
    ) x(leg, debit, credit, amount) where x.amount > 0;
    if v_payment.to_credit > 0 then
        update billing.balance set added = added + v_payment.to_credit
        where account_id = v_account and window_start = 'epoch';
    end if;
    return v_payment;
end
$$;

create function billing.invoice_payment_json(p billing.invoice_payment) returns jsonb language sql volatile as $$
    select jsonb_build_object('id', p.payment_id, 'invoice_id', p.invoice_id, 'tenant_id', p.tenant_id,
        'source_id', p.source, 'reference', p.reference, 'amount', billing.usd(p.amount),
        'received_on', p.received_on::text, 'recorded_at', billing.stamp(p.recorded_at),
        'left', billing.usd(billing.invoice_left(i)))
    from billing.invoice i where i.invoice_id = p.invoice_id
$$;
