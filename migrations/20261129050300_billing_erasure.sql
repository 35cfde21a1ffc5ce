-- Billing: an organisation is erased. What was booked stays, for as long as books are kept; what names anybody goes.
set lock_timeout = '5s';

do $$
begin
    execute format('create policy erasing on billing.usage to %I
        using (tenant_id::text = (select current_setting(''app.erasing'', true)))', current_user);
end
$$;

-- Takes what clients said of their users away from up to `p_limit` rows of usage. How many.
create function billing.erase_usage_names(p_tenant uuid, p_limit integer) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
    v_erased bigint;
begin
    perform set_config('app.erasing', p_tenant::text, true);
    update billing.usage u set end_user = null, app_referer = null, app_title = null, session_id = null
    from (select n.generation_id, n.day from billing.usage n
        where n.tenant_id = p_tenant
            and (n.end_user is not null or n.app_referer is not null or n.app_title is not null or n.session_id is not null)
        limit p_limit) named
    where u.generation_id = named.generation_id and u.day = named.day;
    get diagnostics v_erased = row_count;
    perform set_config('app.erasing', '', true);
    return v_erased;
end
$$;
revoke all on function billing.erase_usage_names(uuid, integer) from public;
grant execute on function billing.erase_usage_names(uuid, integer) to patchbay_billing;

-- Forgets who a tenant is and how it pays, without touching what was booked. Whatever is under way still settles.
create function billing.erase_tenant(p_tenant uuid) returns void
language plpgsql as $$
begin
    update billing.billing_profile p
    set name = 'Erased', address = '{}', tax_id = '', email = '', reference = '', updated_at = billing.clock()
    where p.tenant_id = p_tenant;
    update billing.payer p
    set customer_id = null, payment_method_id = null, card_brand = null, card_last4 = null, auto_enabled = false,
        auto_failure = null
    where p.tenant_id = p_tenant;
    update billing.notice_settings s set webhook_url = null, sealed_secret = null, low_balance = null,
        changed_at = billing.clock()
    where s.tenant_id = p_tenant;
    update billing.notice n
    set body = '{}', last_error = null, published_at = coalesce(n.published_at, billing.clock()),
        delivery = case when n.delivery = 'pending' then 'dead' else n.delivery end
    where n.tenant_id = p_tenant;
end
$$;

-- What of a tenant has not settled: its open leases, and accounts of its requests that wait for them.
create function billing.unsettled(p_tenant uuid) returns bigint
language sql stable as $$
    select (select count(*) from billing.account a join billing.lease l on l.account_id = a.account_id
            where a.tenant_id = p_tenant and l.state <> 'closed')
        + (select count(*) from billing.claim c where c.record ->> 'tenant_id' = p_tenant::text)
        + (select count(*) from billing.witness w where w.record ->> 'tenant_id' = p_tenant::text)
$$;

-- What an erasure does with each table of a tenant. One that is new belongs here.
create function billing.erasure_plan() returns table (name text, fate text, because text)
language sql immutable as $$
    values
        ('account', 'kept', 'The books: accounts go by ids.'),
        ('attempt', 'kept', 'Which provider was tried, by ids; dropped when usage is.'),
        ('bill_difference', 'kept', 'A comparison of a provider''s bill, by ids.'),
        ('billing_profile', 'blanked', 'Country and tax stay, for the invoice of the last period.'),
        ('breach', 'kept', 'What checks of the books found, by ids.'),
        ('credit_note', 'kept', 'A document that the law wants kept.'),
        ('document', 'kept', 'Invoices, receipts and credit notes as they were issued: the law wants them kept, unchanged.'),
        ('invoice', 'kept', 'The books, by ids.'),
        ('invoice_payment', 'kept', 'The books, by references of payments.'),
        ('invoicing_freeze', 'kept', 'Why no invoice is issued, as the operator wrote it.'),
        ('key_usage', 'kept', 'Sums, by ids of keys.'),
        ('lease', 'kept', 'What is open settles first; sums, by ids.'),
        ('notice', 'blanked', 'What it said goes, that there was one stays.'),
        ('notice_settings', 'blanked', 'Where notices went, and the secret that signed them.'),
        ('payer', 'blanked', 'The customer at the payment processor, and the card.'),
        ('payment', 'kept', 'The books: the processor''s references of payments.'),
        ('plan_move', 'kept', 'The books, by ids.'),
        ('promotion', 'kept', 'The books: why credit was given, as the operator wrote it.'),
        ('reversal', 'kept', 'The books: why money went back, as the operator wrote it.'),
        ('seal', 'kept', 'The chain of the books.'),
        ('subject_usage', 'kept', 'Sums, by ids of workspaces, members and guardrails.'),
        ('tenant', 'kept', 'The plan, by ids.'),
        ('transfer', 'kept', 'The ledger is never changed.'),
        ('usage', 'blanked', 'What clients said of their users and of themselves goes; counts and charges stay.'),
        ('usage_daily', 'kept', 'Sums, by ids.'),
        ('usage_hourly', 'kept', 'Sums, by ids.')
$$;
