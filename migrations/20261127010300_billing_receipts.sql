-- Billing: receipts, the invariant of issued documents, and what auditors read of invoices.
set lock_timeout = '5s';

-- Issues the receipts of purchases since `p_since` that have none, `p_limit` at most. Answers how many. Where two
-- replicas come at once, one issues and the other answers none.
create function billing.issue_receipts(p_issuer jsonb, p_since timestamptz, p_limit integer) returns bigint
language plpgsql as $$
declare
    v_now timestamptz := billing.clock();
    v_bought record;
    v_issued bigint := 0;
begin
    if not pg_try_advisory_xact_lock(7305803385003) then
        return 0;
    end if;
    for v_bought in
        select t.source_id, t.tenant_id, t.posted_at, t.amount, coalesce(f.amount, 0) as fee, coalesce(x.amount, 0) as tax,
            -- Unless credit paid it, the fee was paid beside it.
            t.amount - case when f.debit_account = t.credit_account then f.amount else 0 end as credit,
            coalesce(p.tax, 'none') as treatment, coalesce(p.tax_bps, 0) as tax_bps
        from billing.transfer t
        left join billing.transfer f on f.source_id = t.source_id and f.kind = 'purchase_fee' and f.leg = 0
        left join billing.transfer x on x.source_id = t.source_id and x.kind = 'purchase_tax' and x.leg = 0
        left join billing.billing_profile p on p.tenant_id = t.tenant_id
        where t.kind = 'purchase' and t.posted_at >= p_since
            and not exists (select from billing.document d where d.kind = 'receipt' and d.source_id = t.source_id)
            and not exists (select from billing.invoicing_freeze z where z.tenant_id = t.tenant_id)
        order by t.posted_at, t.source_id limit p_limit
    loop
        perform billing.issue(p_issuer, 'receipt', v_bought.tenant_id, v_bought.source_id, jsonb_build_object(
            'purchase_id', v_bought.source_id, 'paid_on', to_char(v_bought.posted_at at time zone 'UTC', 'YYYY-MM-DD'),
            'customer', billing.customer_json(v_bought.tenant_id),
            'tax', jsonb_build_object('treatment', v_bought.treatment, 'basis_points', v_bought.tax_bps),
            'totals', jsonb_build_object('credit', billing.usd(v_bought.credit), 'fee', billing.usd(v_bought.fee),
                'tax', billing.usd(v_bought.tax),
                'paid', billing.usd(v_bought.credit + v_bought.fee + v_bought.tax))), v_now);
        v_issued := v_issued + 1;
    end loop;
    return v_issued;
end
$$;

-- What was issued says what the ledger says, is what was issued, and leaves no number out.
create function billing.invariant_9(p_since timestamptz, p_now timestamptz)
returns table (invariant text, detail text) language plpgsql stable as $$
begin
    return query
    with issued as (
        select i.*, t.credit_account_id from billing.invoice i join billing.tenant t on t.tenant_id = i.tenant_id
        where i.finalised_at >= p_since and i.state in ('finalised', 'void')
    ), posted as (
        select i.invoice_id,
            coalesce(sum(t.amount) filter (where billing.invoice_part(t.kind) in ('usage', 'fee')), 0) as charges,
            coalesce(sum(case when t.credit_account = i.credit_account_id then t.amount
                when t.debit_account = i.credit_account_id then -t.amount else 0 end), 0) as moved
        from issued i
        left join billing.transfer t on t.tenant_id = i.tenant_id and t.period_id = i.period_id
            and t.period_id = any (array(select distinct x.period_id from issued x))
        group by 1
    )
    select 'I9', format('invoice %s: charges %s and movements %s, its period''s transfers say %s and %s', i.number,
        i.charges, i.closing - i.opening, p.charges, p.moved)
    from issued i join posted p using (invoice_id)
    where i.charges <> p.charges or i.closing - i.opening <> p.moved
    union all
    select 'I9', format('invoice %s: its lines come to %s of %s, its movements to %s of %s', i.number, l.amount,
        i.charges, m.amount, i.closing - i.opening)
    from issued i
    cross join lateral (select coalesce(sum(x.amount), 0) as amount
        from billing.invoice_line x where x.invoice_id = i.invoice_id) l
    cross join lateral (select coalesce(sum(x.amount), 0) as amount
        from billing.invoice_movement x where x.invoice_id = i.invoice_id) m
    where l.amount <> i.charges or m.amount <> i.closing - i.opening
    union all
    select 'I9', format('invoice %s: rounding and tax are not in the ledger as it says', i.number)
    from issued i
    left join billing.transfer r on r.source_id = i.invoice_id and r.kind = 'rounding' and r.leg = 0
    left join billing.transfer x on x.source_id = i.invoice_id and x.kind = 'tax' and x.leg = 0
    where i.net_cents * 10000000 - (i.charges - i.covered) <> i.residue or abs(i.residue) > 5000000
        or coalesce(case when r.credit_account = billing.platform_account('rounding') then r.amount
            else -r.amount end, 0) <> i.residue
        or coalesce(x.amount, 0) <> i.tax_cents * 10000000 or i.total_cents <> i.net_cents + i.tax_cents
    union all
    select 'I9', format('invoice %s: its document says otherwise', i.number)
    from issued i
    left join billing.document d on d.source_id = i.invoice_id and d.kind in ('invoice', 'statement')
    left join lateral (select d.document::jsonb as said) s on true
    where d.number is distinct from i.number
        or s.said -> 'totals' ->> 'charges' is distinct from billing.usd(i.charges)
        or s.said -> 'totals' ->> 'covered_by_credit' is distinct from billing.usd(i.covered)
        or s.said -> 'totals' ->> 'total' is distinct from billing.usd_cents(i.total_cents)
        or s.said -> 'account' ->> 'closing' is distinct from billing.usd(i.closing)
    union all
    select 'I9', format('invoice %s: credited %s, its credit notes'' transfers say %s', i.number, n.amount, n.posted)
    from billing.invoice i
    join (select n.invoice_id, sum(n.amount) as amount, sum(t.posted) as posted, max(n.issued_at) as issued_at
        from billing.credit_note n
        cross join lateral (select coalesce(sum(t.amount), 0) as posted from billing.transfer t
            where t.source_id = n.credit_note_id and t.kind = 'credit_note') t
        group by 1) n using (invoice_id)
    where n.issued_at >= p_since and (n.amount <> n.posted
        or n.amount > case when i.payment = 'prepaid' then i.charges else i.total_cents * 10000000 end
        or (n.amount = case when i.payment = 'prepaid' then i.charges else i.total_cents * 10000000 end)
            <> (i.state = 'void'));

    return query
    select 'I9', format('document %s: its hash is not its content''s, or its form not canonical', d.number)
    from billing.document d
    where d.issued_at >= p_since and (d.sha256 <> sha256(convert_to(d.document, 'UTF8'))
        or d.document <> billing.canonical(d.document::jsonb))
    union all
    select 'I9', format('document %s: it does not follow the one before it', d.number)
    from billing.document d
    left join billing.document b on b.issuer = d.issuer and b.position = d.position - 1
    where d.issued_at >= p_since and (d.previous_sha256 is distinct from b.sha256 or (d.position > 1) <> (b.position is not null)
        or d.document::jsonb -> 'chain' ->> 'previous_sha256' is distinct from coalesce(encode(d.previous_sha256, 'hex'), '')
        or d.document::jsonb ->> 'number' is distinct from d.number)
    union all
    select 'I9', format('document %s: the number before it is missing', d.number)
    from billing.document d
    where d.issued_at >= p_since and d.sequence > 1 and not exists (select from billing.document b
        where b.issuer = d.issuer and b.series = d.series and b.sequence = d.sequence - 1)
    union all
    select 'I9', format('series %s of %s: %s numbers were given, the last document is %s', s.series, s.issuer, s.last,
        d.last)
    from billing.series s
    left join lateral (select max(d.sequence) as last from billing.document d
        where d.issuer = s.issuer and d.series = s.series) d on true
    where d.last is distinct from s.last
    union all
    select 'I9', format('issuer %s: its chain ends at %s, the last document is %s', s.issuer, s.position, d.last)
    from billing.issuer s
    left join lateral (select d.position as last, d.sha256 from billing.document d
        where d.issuer = s.issuer order by d.position desc limit 1) d on true
    where coalesce(d.last, 0) <> s.position or d.sha256 is distinct from s.sha256;
end
$$;

create view report.periods with (security_invoker = true) as
select p.period_id, p.state, p.opened_at, p.closed_at, p.drafted_at from billing.period p;

create view report.invoices with (security_invoker = true) as
select i.invoice_id, i.number, i.tenant_id, i.period_id, i.payment, i.state, i.charges, i.covered, i.opening, i.closing,
    i.net_cents, i.tax_cents, i.total_cents, i.residue, i.due_on, i.drafted_at, i.finalised_at, i.voided_at,
    d.document_id, encode(d.sha256, 'hex') as sha256,
    coalesce((select sum(n.amount)::bigint from billing.credit_note n where n.invoice_id = i.invoice_id), 0) as credited
from billing.invoice i
left join billing.document d on d.source_id = i.invoice_id and d.kind in ('invoice', 'statement');

-- A generation is in the line of its tenant's invoice for its period that has its kind, model, provider and lateness.
create view report.invoice_lines with (security_invoker = true) as
select i.invoice_id, i.number, i.tenant_id, i.period_id, l.n, l.kind, l.model, l.provider, l.provider_name, l.late,
    l.first_at, l.last_at, l.requests, l.units, l.provider_cost, l.markup, l.waived, l.amount
from billing.invoice_line l join billing.invoice i on i.invoice_id = l.invoice_id;

create view report.documents with (security_invoker = true) as
select d.document_id, d.issuer, d.position, d.kind, d.series, d.sequence, d.number, d.tenant_id, d.source_id, d.issued_at,
    d.document, encode(d.sha256, 'hex') as sha256, encode(d.previous_sha256, 'hex') as previous_sha256
from billing.document d;

create view report.credit_notes with (security_invoker = true) as
select n.credit_note_id, n.number, n.invoice_id, n.tenant_id, n.reason, n.amount, n.net, n.tax, n.issued_at
from billing.credit_note n;

-- What was charged by: rates are pico-USD per unit, in the order of the classes.
create view report.price_versions with (security_invoker = true) as
select p.price_version_id, p.endpoint_id, p.provider, p.model, p.base, p.tiers, p.stored_at from billing.price_version p;
grant select on billing.price_version to patchbay_report;
create policy report_reads_prices on billing.price_version for select to patchbay_report using (true);

grant select on report.price_versions, report.periods, report.invoices, report.invoice_lines, report.documents, report.credit_notes
    to patchbay_report, patchbay_billing;
do $$
declare
    v_table text;
begin
    foreach v_table in array array['period', 'invoice', 'invoice_line', 'document', 'credit_note'] loop
        execute format('grant select on billing.%I to patchbay_report', v_table);
        execute format('create policy report_reads on billing.%I for select to patchbay_report using (true)', v_table);
    end loop;
end
$$;
