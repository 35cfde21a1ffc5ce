-- The read-only schema for BI and audits. Views act with the reader's rights.
set lock_timeout = '5s';

create view report.usage with (security_invoker = true) as
select u.generation_id, u.day, u.execution, u.evidence, u.provider_response_id, u.tenant_id, u.key_id, u.end_user,
    u.model, u.provider, u.provider_name, u.endpoint_id, u.input, u.cache_read, u.cache_write_5m, u.cache_write_1h,
    u.output, u.reasoning, u.audio_input, u.audio_output, u.image, u.request, u.source, u.price_version_id,
    u.markup_bps, u.reserved, u.due, u.charge, u.absorbed, u.waived, u.provider_cost, u.finish_reason,
    u.native_finish_reason, u.streamed, u.cancelled, u.partial, u.received_at, u.occurred_at, u.settled_at,
    u.latency_ms, u.generation_time_ms, u.deltas, u.attempts, u.app_referer, u.app_title, u.session_id, u.period_id
from billing.usage u;

create view report.attempts with (security_invoker = true) as
select u.generation_id, u.execution, u.first_n as n, u.tenant_id, u.first_endpoint_id as endpoint_id,
    u.first_provider_name as provider_name, u.first_model as model, u.first_status as status,
    u.first_outcome as outcome, u.first_latency_ms as latency_ms, u.first_error_type as error_type,
    0::bigint as provider_cost, u.settled_at as recorded_at
from billing.usage u where u.attempts > 0
union all
select a.generation_id, a.execution, a.n, a.tenant_id, a.endpoint_id, a.provider_name, a.model, a.status, a.outcome,
    a.latency_ms, a.error_type, a.provider_cost, a.recorded_at
from billing.attempt a;

create view report.ledger with (security_invoker = true) as
select t.source_id, t.kind, t.leg, t.debit_account, d.kind as debit_kind, d.code as debit_code, t.credit_account,
    c.kind as credit_kind, c.code as credit_code, t.amount, t.tenant_id, t.period_id, t.posted_at, t.note
from billing.transfer t
left join billing.account d on d.account_id = t.debit_account
left join billing.account c on c.account_id = t.credit_account;

create view report.leases with (security_invoker = true) as
select l.lease_id, l.group_id, l.account_id, a.kind, l.tenant_id, a.key_id, l.window_start, l.edge_id, l.epoch,
    l.granted, l.consumed, l.state, l.reason, l.created_at, l.expires_at, l.ends_at, l.closes_at, l.closed_at
from billing.lease l left join billing.account a on a.account_id = l.account_id;

create view report.balances with (security_invoker = true) as
select b.account_id, a.kind, a.tenant_id, a.key_id, a.reset, a.limit_nano, b.window_start, b.added, b.spent, b.held,
    b.posted, b.available
from billing.balance b join billing.account a on a.account_id = b.account_id;

grant select on all tables in schema report to patchbay_report, patchbay_billing;
grant usage on schema billing to patchbay_report;
do $$
declare
    v_table text;
begin
    foreach v_table in array array['usage', 'attempt', 'transfer', 'account', 'lease', 'balance'] loop
        execute format('grant select on billing.%I to patchbay_report', v_table);
        execute format('create policy report_reads on billing.%I for select to patchbay_report using (true)', v_table);
    end loop;
end
$$;
