-- Billing: leases, settlements, usage, and what waits for its counterpart.
set lock_timeout = '5s';

-- An edge and its latest life. Its heartbeat extends every lease of that life at once, by one row.
create table billing.edge (
    edge_id text primary key,
    epoch bigint not null,
    extended_until timestamptz not null
) with (fillfactor = 50);

-- A reservation from one account. `single` leases carry one request and close when it settles.
-- active -> closing: fenced, nothing more may be reserved from it, the rest stays held.
-- closing -> closed at `closes_at`, the grace in which running work may still settle; only then it frees.
create table billing.lease (
    lease_id uuid primary key,
    group_id uuid not null,
    account_id uuid not null,
    window_start timestamptz not null,
    tenant_id uuid not null,
    edge_id text not null,
    epoch bigint not null,
    granted bigint not null check (granted >= 0),
    consumed bigint not null default 0 check (consumed >= 0),
    single boolean not null default true,
    state text not null default 'active' check (state in ('active', 'closing', 'closed')),
    created_at timestamptz not null,
    -- Unless the edge's heartbeat extends it,
    expires_at timestamptz not null,
    -- which it cannot beyond this: the end of its window or of the longest request.
    ends_at timestamptz not null,
    closes_at timestamptz,
    closed_at timestamptz,
    -- `settled`, `returned`, `expired`, `adopted`.
    reason text,
    check (consumed <= granted),
    check (state <> 'closing' or closes_at is not null),
    check ((state = 'closed') = (closed_at is not null))
) with (fillfactor = 80);
create unique index lease_group on billing.lease (group_id, account_id);
create index lease_open on billing.lease (account_id, window_start) where state <> 'closed';

-- Groups that were returned before any lease of theirs was there. An ask that the database held up may still be
-- granted then; a sweep closes what it got.
create table billing.returned (
    group_id uuid primary key,
    returned_at timestamptz not null
);

-- The dedupe: a generation settles once. Unpartitioned, because a unique key on partitions could not say so.
create table billing.settlement (
    generation_id uuid primary key,
    execution integer not null,
    -- `worker`: a record that the edge acknowledged. `claim`: one that was settled on the edge's word or for
    -- want of it. `edge`: the edge's own account, no record ever came.
    evidence text not null check (evidence in ('worker', 'claim', 'edge', 'both')),
    settled_at timestamptz not null
);
create index settlement_settled_at on billing.settlement using brin (settled_at) with (pages_per_range = 16);

-- The day that a UUIDv7 was made on, UTC. Places rows only; money never reads time from it.
create function billing.uuid_day(id uuid) returns date language sql immutable parallel safe as $$
    select (to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
        at time zone 'UTC')::date
$$;

-- One row per settled generation, with its first attempt. due = charge + absorbed + waived is what the usage
-- comes to at the price version and markup; `absorbed` could not be taken, `waived` was not asked for.
create table billing.usage (
    generation_id uuid not null,
    day date not null,
    execution integer not null,
    evidence text not null,
    tenant_id uuid not null,
    key_id uuid,
    worker_id text,
    lease_ids uuid[] not null,
    period_id bigint not null,
    -- By our clock: when the lease was granted, or when the record settled if it had none.
    occurred_at timestamptz not null,
    settled_at timestamptz not null,
    price_version_id uuid,
    markup_bps integer not null,
    input bigint not null,
    cache_read bigint not null,
    cache_write_5m bigint not null,
    cache_write_1h bigint not null,
    output bigint not null,
    reasoning bigint not null,
    audio_input bigint not null,
    audio_output bigint not null,
    image bigint not null,
    request bigint not null,
    source text not null check (source in ('provider', 'counted', 'estimated')),
    reserved bigint not null,
    due bigint not null,
    charge bigint not null check (charge >= 0),
    absorbed bigint not null check (absorbed >= 0),
    waived bigint not null check (waived >= 0),
    provider_cost bigint not null check (provider_cost >= 0),
    model text,
    provider text,
    provider_name text,
    endpoint_id uuid,
    provider_response_id text,
    finish_reason text,
    native_finish_reason text,
    streamed boolean not null,
    cancelled boolean not null,
    partial boolean not null,
    received_at timestamptz not null,
    latency_ms bigint not null,
    generation_time_ms bigint not null,
    deltas bigint not null,
    end_user text,
    app_referer text,
    app_title text,
    session_id text,
    attempts integer not null,
    -- The first attempt; further ones are rows of `attempt`.
    first_n integer,
    first_endpoint_id uuid,
    first_provider_name text,
    first_model text,
    first_status integer,
    first_outcome text,
    first_latency_ms bigint,
    first_error_type text,
    primary key (generation_id, day)
) partition by range (day);
create table billing.usage_default partition of billing.usage default;
create index usage_settled_at on billing.usage using brin (settled_at) with (pages_per_range = 16);

-- Opens a partition for yesterday and each of the coming days, as the owner of the table. A day whose rows
-- already lie in the default partition stays there.
create function billing.open_usage_days(ahead integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
    v_day date;
    v_name text;
    v_opened integer := 0;
begin
    for v_day in select (billing.clock() at time zone 'UTC')::date + d from generate_series(-1, ahead) d loop
        v_name := 'usage_' || to_char(v_day, 'YYYYMMDD');
        continue when to_regclass('billing.' || v_name) is not null;
        begin
            execute format(
                'create table billing.%I (like billing.usage including defaults including constraints)', v_name);
            execute format('alter table billing.%I enable row level security, force row level security', v_name);
            execute format('alter table billing.usage attach partition billing.%I for values from (%L) to (%L)',
                v_name, v_day, v_day + 1);
            v_opened := v_opened + 1;
        exception when check_violation or duplicate_table or lock_not_available then
            null;
        end;
    end loop;
    return v_opened;
end
$$;
revoke all on function billing.open_usage_days(integer) from public;

-- Attempts beyond the first of the settled execution, and every attempt of executions that lost.
create table billing.attempt (
    generation_id uuid not null,
    execution integer not null,
    n integer not null,
    tenant_id uuid not null,
    endpoint_id uuid,
    provider_name text,
    model text,
    status integer not null,
    outcome text not null,
    latency_ms bigint not null,
    error_type text,
    -- What the provider asks of us for an execution that lost; never charged to anyone.
    provider_cost bigint not null default 0 check (provider_cost >= 0),
    recorded_at timestamptz not null,
    primary key (generation_id, execution, n)
);

-- Records that the edge has not acknowledged. They wait for its word, for their lease to close, or until due.
create table billing.claim (
    generation_id uuid not null,
    execution integer not null,
    lease_id uuid,
    record jsonb not null,
    received_at timestamptz not null,
    due_at timestamptz not null,
    primary key (generation_id, execution)
);
create index claim_lease on billing.claim (lease_id);
create index claim_due on billing.claim (due_at);

-- The edge's word on generations whose record has not settled yet, in the shape of a record.
create table billing.witness (
    generation_id uuid primary key,
    execution integer not null,
    outcome text not null check (outcome in ('finished', 'lost', 'nothing_owed')),
    lease_id uuid,
    record jsonb not null,
    received_at timestamptz not null,
    due_at timestamptz not null
);
create index witness_lease on billing.witness (lease_id);
create index witness_due on billing.witness (due_at);

-- Messages that could not be settled in many tries. For people.
create table billing.parked (
    parked_id bigint generated always as identity primary key,
    subject text not null,
    payload bytea not null,
    error text not null,
    parked_at timestamptz not null default now()
);

do $$
declare
    v_table text;
begin
    for v_table in select c.relname from pg_class c
        where c.relnamespace = 'billing'::regnamespace and c.relkind in ('r', 'p') order by 1
    loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert on billing.%I to patchbay_billing', v_table);
    end loop;
end
$$;

-- Only what has a life is ever changed. The ledger, settlements, usage, attempts and prices are written once.
grant update on billing.plan, billing.tenant, billing.account, billing.balance, billing.period, billing.key_usage,
    billing.edge, billing.lease, billing.claim, billing.witness to patchbay_billing;
grant delete on billing.claim, billing.witness, billing.parked, billing.returned to patchbay_billing;
grant execute on function billing.open_usage_days(integer) to patchbay_billing;

-- So that no row of today is on its way into the default partition when today's own is attached.
select billing.open_usage_days(14);
