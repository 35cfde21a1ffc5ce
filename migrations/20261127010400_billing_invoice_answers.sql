-- Billing: periods, invoices and documents as the admin API writes them, and a tenant's billing profile.
set lock_timeout = '5s';

create function billing.period_json(p billing.period) returns jsonb language sql stable as $$
    select jsonb_build_object('id', p.period_id::text, 'state', p.state, 'opened_at', billing.stamp(p.opened_at),
        'closed_at', billing.stamp(p.closed_at), 'drafted_at', billing.stamp(p.drafted_at),
        'invoices', (select count(*) from billing.invoice i where i.period_id = p.period_id))
$$;

-- A draft's totals are not rounded yet: its cents are null. Volatile, so that it sees what the statement that it is part
-- of has issued.
create function billing.invoice_json(i billing.invoice) returns jsonb language sql volatile as $$
    select jsonb_build_object('id', i.invoice_id, 'number', i.number, 'tenant_id', i.tenant_id,
        'period_id', i.period_id::text, 'payment', i.payment, 'state', i.state,
        'is_frozen', exists (select from billing.invoicing_freeze f where f.tenant_id = i.tenant_id),
        'drafted_at', billing.stamp(i.drafted_at), 'finalise_after', billing.stamp(i.finalise_after),
        'finalised_at', billing.stamp(i.finalised_at), 'voided_at', billing.stamp(i.voided_at),
        'due_on', i.due_on::text, 'charges', billing.usd(i.charges), 'covered_by_credit', billing.usd(i.covered),
        'opening', billing.usd(i.opening), 'closing', billing.usd(i.closing), 'net', billing.usd_cents(i.net_cents),
        'tax', billing.usd_cents(i.tax_cents), 'total', billing.usd_cents(i.total_cents),
        'rounding', billing.usd(i.residue),
        'credited', billing.usd(coalesce((select sum(n.amount)::bigint from billing.credit_note n
            where n.invoice_id = i.invoice_id), 0)),
        'paid', billing.usd(billing.invoice_paid(i.invoice_id)), 'left', billing.usd(billing.invoice_left(i)),
        'sha256', (select encode(d.sha256, 'hex') from billing.document d
            where d.source_id = i.invoice_id and d.kind in ('invoice', 'statement')))
$$;

create function billing.credit_note_json(n billing.credit_note) returns jsonb language sql stable as $$
    select jsonb_build_object('id', n.credit_note_id, 'number', n.number, 'invoice_id', n.invoice_id,
        'tenant_id', n.tenant_id, 'source_id', n.source, 'reason', n.reason, 'amount', billing.usd(n.amount),
        'net', billing.usd(n.net), 'tax', billing.usd(n.tax), 'issued_at', billing.stamp(n.issued_at))
$$;

create function billing.invoice_details(i billing.invoice) returns jsonb language sql volatile as $$
    select billing.invoice_json(i) || jsonb_build_object(
        'freeze', (select jsonb_build_object('reason', f.reason, 'frozen_at', billing.stamp(f.frozen_at))
            from billing.invoicing_freeze f where f.tenant_id = i.tenant_id),
        'lines', b.body -> 'lines', 'account', b.body -> 'account',
        'credit_notes', coalesce((select jsonb_agg(billing.credit_note_json(n) order by n.issued_at)
            from billing.credit_note n where n.invoice_id = i.invoice_id), '[]'),
        'payments', coalesce((select jsonb_agg(billing.invoice_payment_json(p) order by p.recorded_at)
            from billing.invoice_payment p where p.invoice_id = i.invoice_id), '[]'))
    from (select billing.invoice_body(i, 'none', 0, 0, 0, null) as body) b
$$;

-- What a draft would say if it were issued now; it has no number and no place in the chain.
create function billing.draft_json(i billing.invoice, p_issuer jsonb) returns text language sql stable as $$
    select billing.canonical(billing.invoice_body(i, coalesce(p.tax, 'none'), coalesce(p.tax_bps, 0), c.net,
        billing.round_half_even(c.net::numeric * coalesce(p.tax_bps, 0) / 10000)::bigint, null)
        || jsonb_build_object('schema', 'patchbay.document.v1', 'currency', 'USD', 'number', '', 'issued_on', '',
            'kind', case i.payment when 'prepaid' then 'statement' else 'invoice' end, 'issuer', p_issuer))
    from (select billing.to_cents(i.charges - i.covered) as net) c
    left join billing.billing_profile p on p.tenant_id = i.tenant_id
$$;

create function billing.document_json(d billing.document) returns jsonb language sql stable as $$
    select jsonb_build_object('number', d.number, 'kind', d.kind, 'issued_at', billing.stamp(d.issued_at),
        'currency', 'USD', 'period_id', s.said -> 'period' ->> 'id', 'due_on', s.said ->> 'due_on',
        'total', coalesce(s.said -> 'totals' ->> 'total', s.said -> 'totals' ->> 'paid'),
        'amount_due', s.said -> 'totals' ->> 'amount_due', 'sha256', encode(d.sha256, 'hex'))
    from (select d.document::jsonb as said) s
$$;

create function billing.profile_json(p billing.billing_profile) returns jsonb language sql stable as $$
    select jsonb_build_object('tenant_id', p.tenant_id, 'name', p.name, 'address', to_jsonb(p.address),
        'country', p.country, 'tax_id', p.tax_id, 'email', p.email, 'reference', p.reference, 'tax', p.tax,
        'tax_basis_points', p.tax_bps, 'updated_at', billing.stamp(p.updated_at))
$$;

-- Fails with PB404 for an unknown tenant.
create function billing.put_billing_profile(p_tenant uuid, p_name text, p_address text[], p_country text, p_tax_id text,
    p_email text, p_reference text, p_tax text, p_tax_bps integer) returns billing.billing_profile
language plpgsql as $$
declare
    v_profile billing.billing_profile;
begin
    if not exists (select from billing.tenant t where t.tenant_id = p_tenant) then
        raise exception 'unknown tenant' using errcode = 'PB404';
    end if;
    insert into billing.billing_profile as p
        (tenant_id, name, address, country, tax_id, email, reference, tax, tax_bps, updated_at)
    values (p_tenant, p_name, p_address, p_country, p_tax_id, p_email, p_reference, p_tax, p_tax_bps, billing.clock())
    on conflict (tenant_id) do update set name = excluded.name, address = excluded.address,
        country = excluded.country, tax_id = excluded.tax_id, email = excluded.email, reference = excluded.reference,
        tax = excluded.tax, tax_bps = excluded.tax_bps, updated_at = excluded.updated_at
    returning * into v_profile;
    return v_profile;
end
$$;
