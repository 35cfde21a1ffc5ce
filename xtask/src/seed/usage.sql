-- One portion of made-up usage. Parameters: rows, days back, tenant, models (0 = a handful of well-known ones), workspace
-- and person (of some of the keys). Everything that settlement writes is written, so that the books stay in order: usage,
-- settlements, transfers, totals, balances.
with parameters as materialized (
    select $1::integer as rows, $2::integer as days, $3::uuid as tenant, $4::integer as models,
        $5::uuid as workspace, $6::uuid as person, billing.clock() as now,
        billing.open_period() as period, md5('patchbay/seed price')::uuid as price
), made as materialized (
    select x.at, x.input, x.output, x.key, x.model, x.app, x.chance, x.input * 150 + x.output * 600 as due,
        (left(billing.uuid_at(x.at)::text, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid as id,
        md5('seed endpoint ' || x.model)::uuid as endpoint_id,
        md5('seed key ' || p.tenant || x.key)::uuid as key_id, p.tenant, p.period, p.price, p.workspace,
        case when x.key < 5 then p.person end as person
    from parameters p cross join lateral (
        -- One in a hundred fails before content.
        select r.at, r.input, case when r.chance < 0.01 then 0 else r.output end as output, r.key, r.model, r.app, r.chance
        from (select p.now - random() ^ 2 * p.days * interval '1 day' as at, (random() * 12000)::bigint as input,
                1 + (random() ^ 3 * 4000)::bigint as output, (random() ^ 3 * 20)::integer as key,
                case when p.models > 0 then 'seed/model-' || lpad((1 + floor(random() ^ 3 * p.models))::text, 4, '0')
                else (array['openai/gpt-4o-mini', 'openai/gpt-4o', 'anthropic/claude-sonnet-4.5', 'google/gemini-2.5-flash',
                    'meta-llama/llama-3.3-70b-instruct'])[1 + floor(random() ^ 2 * 5)::integer] end as model,
                nullif('App ' || (random() ^ 2 * 40)::integer, 'App 0') as app, random() as chance
            from generate_series(1, p.rows)) r) x
), usage as (
    insert into billing.usage (generation_id, day, execution, evidence, tenant_id, key_id, worker_id, lease_ids,
        period_id, occurred_at, settled_at, price_version_id, markup_bps, input, cache_read, cache_write_5m,
        cache_write_1h, output, reasoning, audio_input, audio_output, image, request, source, reserved, due, charge,
        absorbed, waived, provider_cost, model, provider, provider_name, endpoint_id, provider_response_id,
        finish_reason, native_finish_reason, streamed, cancelled, partial, received_at, latency_ms,
        generation_time_ms, deltas, attempts, first_n, first_endpoint_id, first_provider_name, first_model,
        first_status, first_outcome, first_latency_ms, workspace_id, user_id, app_title)
    select id, billing.uuid_day(id), 1, 'worker', tenant, key_id, 'seed', '{}', period, at, at, price, 0, input, 0,
        0, 0, output, 0, 0, 0, 0, 0, 'provider', due, due, due, 0, 0, due, model, 'seed', 'Seed', endpoint_id,
        'seed-' || id, case when chance < 0.01 then null when chance < 0.9 then 'stop' else 'length' end, null, chance < 0.8, chance > 0.98,
        chance > 0.98, at, 80 + (chance * 900)::bigint, output * 15, output, 1, 0, endpoint_id, 'Seed', model, 200,
        'ok', 80, workspace, person, app
    from made
), settled as (
    insert into billing.settlement (generation_id, execution, evidence, settled_at)
    select id, 1, 'worker', at from made
), charged as (
    insert into billing.transfer (source_id, kind, leg, debit_account, credit_account, amount, tenant_id, period_id,
        posted_at)
    select m.id, 'usage', 0, t.credit_account_id, billing.platform_account('revenue'), m.due, m.tenant, m.period, m.at
    from made m join billing.tenant t on t.tenant_id = m.tenant where m.due > 0
    union all
    select m.id, 'provider_cost', 1, billing.platform_account('cogs:seed'), billing.platform_account('payable:seed'),
        m.due, m.tenant, m.period, m.at
    from made m where m.due > 0
), totals as (
    insert into billing.key_usage as k (key_id, day, tenant_id, charge, requests)
    select key_id, (at at time zone 'UTC')::date, tenant, sum(due), count(*) from made group by 1, 2, 3 order by 1, 2
    on conflict (key_id, day) do update
        set charge = k.charge + excluded.charge, requests = k.requests + excluded.requests
), subjects as (
    insert into billing.subject_usage as s (subject_kind, subject_id, day, tenant_id, charge, requests, own_key_cost)
    select v.kind, v.id, (m.at at time zone 'UTC')::date, m.tenant, sum(m.due), count(*), 0
    from made m cross join lateral (values ('workspace', m.workspace), ('member', m.person)) v(kind, id)
    where v.id is not null
    group by 1, 2, 3, 4 order by 1, 2, 3
    on conflict (subject_kind, subject_id, day) do update
        set charge = s.charge + excluded.charge, requests = s.requests + excluded.requests
)
update billing.balance b set spent = b.spent + (select sum(due) from made)::bigint
from billing.tenant t, parameters p
where t.tenant_id = p.tenant and b.account_id = t.credit_account_id and b.window_start = 'epoch'
