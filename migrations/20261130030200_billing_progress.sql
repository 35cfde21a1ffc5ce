-- Billing: how far the invoices of a closed period are.
set lock_timeout = '5s';

create or replace function billing.period_json(p billing.period) returns jsonb language sql stable as $$
    select jsonb_build_object('id', p.period_id::text, 'state', p.state, 'opened_at', billing.stamp(p.opened_at),
        'closed_at', billing.stamp(p.closed_at), 'drafted_at', billing.stamp(p.drafted_at), 'invoices', i.drafted,
        'progress', jsonb_build_object('drafted', i.drafted, 'issued', i.issued, 'frozen', i.frozen))
    from (select count(*) as drafted, count(*) filter (where i.state in ('finalised', 'void')) as issued,
            count(*) filter (where i.state in ('draft', 'grace')
                and exists (select from billing.invoicing_freeze f where f.tenant_id = i.tenant_id)) as frozen
        from billing.invoice i where i.period_id = p.period_id) i
$$;
