-- Billing: documents that are issued: numbered without gaps, chained by hash, never changed.
set lock_timeout = '5s';

-- JSON in the one form that is hashed (RFC 8785): no white space, members in the order of their names, integers only.
create function billing.canonical(value jsonb) returns text language plpgsql immutable strict parallel safe as $$
begin
    case jsonb_typeof(value)
        when 'object' then
            return '{' || coalesce((select string_agg(to_jsonb(m.key)::text || ':' || billing.canonical(m.value), ','
                order by m.key collate "C") from jsonb_each(value) m), '') || '}';
        when 'array' then
            return '[' || coalesce((select string_agg(billing.canonical(e.value), ',' order by e.place)
                from jsonb_array_elements(value) with ordinality e(value, place)), '') || ']';
        when 'number' then
            if value::text !~ '^-?[0-9]+$' then
                raise exception 'documents have no fractions as numbers: %', value using errcode = 'data_exception';
            end if;
            return value::text;
        else
            return value::text;
    end case;
end
$$;

-- The head of an issuer's chain, and the last number of each of its series.
create table billing.issuer (
    issuer text primary key check (issuer <> ''),
    position bigint not null default 0,
    sha256 bytea
);
create table billing.series (
    issuer text not null references billing.issuer,
    series text not null,
    last bigint not null,
    primary key (issuer, series)
);

create table billing.document (
    document_id uuid primary key default gen_random_uuid(),
    issuer text not null references billing.issuer,
    position bigint not null check (position > 0),
    kind text not null check (kind in ('invoice', 'statement', 'credit_note', 'receipt')),
    series text not null,
    sequence bigint not null check (sequence > 0),
    number text not null,
    tenant_id uuid not null,
    -- The invoice, the credit note, or the transfer of the purchase.
    source_id uuid not null,
    issued_at timestamptz not null,
    -- Canonical JSON; what is hashed are its bytes in UTF-8.
    document text not null,
    sha256 bytea not null,
    previous_sha256 bytea,
    unique (issuer, position),
    unique (issuer, series, sequence),
    unique (kind, source_id)
);
create index document_tenant on billing.document (tenant_id, number);
create index document_issued on billing.document (issued_at);

create table billing.credit_note (
    credit_note_id uuid primary key,
    invoice_id uuid not null references billing.invoice,
    tenant_id uuid not null,
    source text not null,
    reason text not null check (reason <> ''),
    -- Nano-USD; net + tax = amount.
    amount bigint not null check (amount > 0),
    net bigint not null check (net >= 0),
    tax bigint not null check (tax >= 0),
    number text not null,
    issued_at timestamptz not null,
    check (net + tax = amount)
);
create index credit_note_invoice on billing.credit_note (invoice_id);

do $$
declare
    v_table text;
begin
    foreach v_table in array array['document', 'credit_note'] loop
        execute format('create trigger is_immutable before update or delete on billing.%I
            for each row execute function billing.refuse_change()', v_table);
        execute format('create trigger is_not_truncated before truncate on billing.%I
            for each statement execute function billing.refuse_change()', v_table);
    end loop;
    foreach v_table in array array['issuer', 'series', 'document', 'credit_note'] loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert on billing.%I to patchbay_billing', v_table);
    end loop;
end
$$;
grant update on billing.issuer, billing.series to patchbay_billing;

-- Issues a document: gives it the next number of its series and the next place in its issuer's chain. The two rows
-- stay locked until the caller's transaction ends, so that a number is taken if and only if its document is there.
-- `p_issuer` is what a document says of its issuer, and its `code`.
create function billing.issue(p_issuer jsonb, p_kind text, p_tenant uuid, p_source uuid, p_body jsonb, p_now timestamptz)
returns billing.document language plpgsql as $$
declare
    v_code text := p_issuer ->> 'code';
    v_document billing.document;
    v_head billing.issuer;
begin
    insert into billing.issuer (issuer) values (v_code) on conflict do nothing;
    select * into v_head from billing.issuer where issuer = v_code for update;
    v_document.document_id := gen_random_uuid();
    v_document.issuer := v_code;
    v_document.position := v_head.position + 1;
    v_document.previous_sha256 := v_head.sha256;
    v_document.kind := p_kind;
    v_document.tenant_id := p_tenant;
    v_document.source_id := p_source;
    v_document.issued_at := p_now;
    v_document.series := case p_kind when 'invoice' then 'INV' when 'statement' then 'STM'
        when 'credit_note' then 'CRN' else 'RCT' end || '-' || to_char(p_now at time zone 'UTC', 'YYYY');
    insert into billing.series as s (issuer, series, last) values (v_code, v_document.series, 1)
    on conflict (issuer, series) do update set last = s.last + 1 returning s.last into v_document.sequence;
    v_document.number := v_document.series || '-'
        || lpad(v_document.sequence::text, greatest(6, length(v_document.sequence::text)), '0');
    v_document.document := billing.canonical(p_body || jsonb_build_object(
        'schema', 'patchbay.document.v1', 'kind', p_kind, 'number', v_document.number, 'currency', 'USD',
        'issued_on', to_char(p_now at time zone 'UTC', 'YYYY-MM-DD'), 'issuer', p_issuer,
        'chain', jsonb_build_object('position', v_document.position,
            'previous_sha256', coalesce(encode(v_document.previous_sha256, 'hex'), ''))));
    v_document.sha256 := sha256(convert_to(v_document.document, 'UTF8'));
    insert into billing.document select v_document.*;
    update billing.issuer set position = v_document.position, sha256 = v_document.sha256 where issuer = v_code;
    return v_document;
end
$$;

-- Issues an invoice: the one rounding, the number, the document and what rounding and tax post, all or nothing.
-- Of an issued invoice it changes nothing. `p_early`: whether its grace is over or not.
-- Fails with PB404 for an unknown invoice and PB409 for a frozen tenant's.
create function billing.finalise_invoice(p_invoice uuid, p_issuer jsonb, p_due_days integer, p_early boolean)
returns billing.invoice language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_now timestamptz := billing.clock();
    v_invoice billing.invoice;
    v_profile billing.billing_profile;
    v_document billing.document;
    v_unrounded bigint;
    v_prepaid boolean;
    v_receivables uuid := billing.platform_account('receivables');
    v_rounding uuid := billing.platform_account('rounding');
begin
    select * into v_invoice from billing.invoice where invoice_id = p_invoice for update;
    if v_invoice.invoice_id is null then
        raise exception 'unknown invoice' using errcode = 'PB404';
    end if;
    if v_invoice.number is not null
        or not p_early and (v_invoice.state <> 'grace' or v_invoice.finalise_after > v_now)
    then
        return v_invoice;
    end if;
    if exists (select from billing.invoicing_freeze f where f.tenant_id = v_invoice.tenant_id) then
        raise exception 'the invoicing of this tenant is frozen' using errcode = 'PB409';
    end if;
    select * into v_profile from billing.billing_profile where tenant_id = v_invoice.tenant_id;
    v_prepaid := v_invoice.payment = 'prepaid';
    v_unrounded := v_invoice.charges - v_invoice.covered;
    v_invoice.net_cents := billing.to_cents(v_unrounded);
    v_invoice.tax_cents := billing.round_half_even(
        v_invoice.net_cents::numeric * coalesce(v_profile.tax_bps, 0) / 10000)::bigint;
    v_invoice.total_cents := v_invoice.net_cents + v_invoice.tax_cents;
    v_invoice.residue := v_invoice.net_cents * 10000000 - v_unrounded;
    v_invoice.due_on := case when v_prepaid then null else (v_now at time zone 'UTC')::date + p_due_days end;
    v_document := billing.issue(p_issuer, case when v_prepaid then 'statement' else 'invoice' end, v_invoice.tenant_id,
        p_invoice, billing.invoice_body(v_invoice, coalesce(v_profile.tax, 'none'), coalesce(v_profile.tax_bps, 0),
            v_invoice.net_cents, v_invoice.tax_cents, v_invoice.due_on), v_now);

    insert into billing.transfer
        (source_id, kind, debit_account, credit_account, amount, tenant_id, period_id, posted_at, note)
    select p_invoice, x.kind, x.debit, x.credit, x.amount, v_invoice.tenant_id, v_period, v_now, v_document.number
    from (values
        ('rounding', case when v_invoice.residue > 0 then v_receivables else v_rounding end,
            case when v_invoice.residue > 0 then v_rounding else v_receivables end, abs(v_invoice.residue)),
        ('tax', v_receivables, billing.platform_account('tax_payable'), v_invoice.tax_cents * 10000000)
    ) x(kind, debit, credit, amount) where x.amount > 0;

    update billing.invoice set state = 'finalised', number = v_document.number, finalised_at = v_now,
        due_on = v_invoice.due_on, net_cents = v_invoice.net_cents, tax_cents = v_invoice.tax_cents,
        total_cents = v_invoice.total_cents, residue = v_invoice.residue
    where invoice_id = p_invoice returning * into v_invoice;
    return v_invoice;
end
$$;

-- Credits part or all of an issued invoice, tax in proportion; again with the same source it changes nothing. What is
-- credited in full is void. Fails with PB404 for an unknown invoice; with PB409 for one that is not issued, an amount
-- beyond what is left of it, or a source that was used for another amount.
create function billing.issue_credit_note(p_invoice uuid, p_amount bigint, p_reason text, p_source text, p_issuer jsonb)
returns billing.credit_note language plpgsql as $$
declare
    v_period bigint := billing.open_period();
    v_now timestamptz := billing.clock();
    v_invoice billing.invoice;
    v_note billing.credit_note;
    v_whole bigint;
    v_before bigint;
    v_tax_before bigint;
    v_account uuid;
    v_document billing.document;
begin
    select * into v_invoice from billing.invoice where invoice_id = p_invoice for update;
    if v_invoice.invoice_id is null then
        raise exception 'unknown invoice' using errcode = 'PB404';
    end if;
    v_note.credit_note_id := md5(p_invoice || '/' || p_source)::uuid;
    if exists (select from billing.credit_note n where n.credit_note_id = v_note.credit_note_id) then
        select * into v_note from billing.credit_note n where n.credit_note_id = v_note.credit_note_id;
        if v_note.amount <> p_amount or v_note.reason <> p_reason then
            raise exception 'the source was used for another credit note' using errcode = 'PB409';
        end if;
        return v_note;
    end if;
    if v_invoice.number is null then
        raise exception 'the invoice is not issued yet: nothing is there to be corrected' using errcode = 'PB409';
    end if;
    v_whole := case when v_invoice.payment = 'prepaid' then v_invoice.charges
        else v_invoice.total_cents * 10000000 end;
    select coalesce(sum(n.amount), 0), coalesce(sum(n.tax), 0) into v_before, v_tax_before
    from billing.credit_note n where n.invoice_id = p_invoice;
    if p_amount > v_whole - v_before then
        raise exception 'of this invoice % USD can still be credited', billing.usd(v_whole - v_before)
            using errcode = 'PB409';
    end if;
    if v_invoice.payment = 'postpaid' and p_amount % 10000000 <> 0 then
        raise exception 'this invoice is in whole cents, and so are its credit notes' using errcode = 'PB409';
    end if;
    v_note.invoice_id := p_invoice;
    v_note.tenant_id := v_invoice.tenant_id;
    v_note.source := p_source;
    v_note.reason := p_reason;
    v_note.amount := p_amount;
    v_note.issued_at := v_now;
    -- Of what is credited in all, so that the parts never come to more tax than the whole.
    v_note.tax := case when v_invoice.tax_cents = 0 then 0 else billing.round_half_even(
        (v_before + p_amount)::numeric * v_invoice.tax_cents / v_whole)::bigint * 10000000 - v_tax_before end;
    v_note.net := p_amount - v_note.tax;
    v_document := billing.issue(p_issuer, 'credit_note', v_invoice.tenant_id, v_note.credit_note_id,
        jsonb_build_object('credit_note_id', v_note.credit_note_id, 'customer', billing.customer_json(v_invoice.tenant_id),
            'reason', p_reason,
            'corrects', (select jsonb_build_object('number', d.number, 'issued_on',
                to_char(d.issued_at at time zone 'UTC', 'YYYY-MM-DD'), 'sha256', encode(d.sha256, 'hex'))
                from billing.document d where d.source_id = p_invoice and d.kind in ('invoice', 'statement')),
            'tax', (select d.document::jsonb -> 'tax' from billing.document d
                where d.source_id = p_invoice and d.kind in ('invoice', 'statement')),
            'totals', jsonb_build_object('net', billing.usd(v_note.net), 'tax', billing.usd(v_note.tax),
                'total', billing.usd(v_note.amount), 'credited_before', billing.usd(v_before),
                'left', billing.usd(v_whole - v_before - p_amount))), v_now);
    v_note.number := v_document.number;
    insert into billing.credit_note select v_note.*;

    select credit_account_id into strict v_account from billing.tenant where tenant_id = v_invoice.tenant_id;
    insert into billing.transfer
        (source_id, kind, leg, debit_account, credit_account, amount, tenant_id, period_id, posted_at, note)
    select v_note.credit_note_id, 'credit_note', x.leg, billing.platform_account(x.code), v_account, x.amount,
        v_invoice.tenant_id, v_period, v_now, v_note.number
    from (values (0, 'revenue_refunds', v_note.net), (1, 'tax_payable', v_note.tax)) x(leg, code, amount)
    where x.amount > 0;
    update billing.balance set added = added + p_amount where account_id = v_account and window_start = 'epoch';
    if v_before + p_amount = v_whole then
        update billing.invoice set state = 'void', voided_at = v_now where invoice_id = p_invoice;
    end if;
    return v_note;
end
$$;
