-- Billing: time, plans, tenants, spend accounts, the ledger.
set lock_timeout = '5s';

-- The one source of time for money. Tests shift it; nothing else may.
create table billing.clock_shift (
    only_row boolean primary key default true check (only_row),
    shift interval not null default '0'
);
insert into billing.clock_shift default values;

create function billing.clock() returns timestamptz language sql volatile as $$
    select clock_timestamp() + coalesce((select shift from billing.clock_shift where only_row), interval '0')
$$;

-- When a budget that resets by `reset` ('' = never) last did, and when it will next. Always UTC; weeks begin on Monday.
create function billing.window_start(reset text, at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
    select case reset
        when 'daily' then date_trunc('day', at at time zone 'UTC') at time zone 'UTC'
        when 'weekly' then date_trunc('week', at at time zone 'UTC') at time zone 'UTC'
        when 'monthly' then date_trunc('month', at at time zone 'UTC') at time zone 'UTC'
        else timestamptz 'epoch'
    end
$$;

create function billing.window_end(reset text, at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
    select case reset
        when 'daily' then (date_trunc('day', at at time zone 'UTC') + interval '1 day') at time zone 'UTC'
        when 'weekly' then (date_trunc('week', at at time zone 'UTC') + interval '1 week') at time zone 'UTC'
        when 'monthly' then (date_trunc('month', at at time zone 'UTC') + interval '1 month') at time zone 'UTC'
        else timestamptz 'infinity'
    end
$$;

-- What stands for "no limit" where a number is needed; sums with it stay in range.
create function billing.unlimited() returns bigint language sql immutable parallel safe as $$
    select 4611686018427387904
$$;

create table billing.plan (
    plan_id uuid primary key default gen_random_uuid(),
    name text not null unique check (name <> ''),
    created_at timestamptz not null default now()
);

-- The newest version is in force; old ones explain old charges.
create table billing.plan_version (
    plan_id uuid not null references billing.plan,
    version integer not null,
    markup_bps integer not null check (markup_bps between 0 and 100000),
    created_at timestamptz not null default now(),
    primary key (plan_id, version)
);

with standard as (insert into billing.plan (name) values ('default') returning plan_id)
insert into billing.plan_version (plan_id, version, markup_bps) select plan_id, 1, 0 from standard;

create table billing.tenant (
    tenant_id uuid primary key,
    plan_id uuid not null references billing.plan,
    credit_account_id uuid not null,
    -- Whether credit was ever bought.
    has_paid boolean not null default false,
    opened_at timestamptz not null
);

-- `credit` and `key_limit` are spend accounts: requests reserve from them. `platform` accounts are the other
-- side of the ledger and have no balance row, which would be one hot row for all tenants; they are summed.
create table billing.account (
    account_id uuid primary key,
    kind text not null check (kind in ('credit', 'key_limit', 'platform')),
    tenant_id uuid,
    key_id uuid,
    code text,
    -- Nano-USD per window; null = no limit. Key limits only.
    limit_nano bigint check (limit_nano >= 0),
    reset text not null default '' check (reset in ('', 'daily', 'weekly', 'monthly')),
    created_at timestamptz not null default now(),
    check ((kind = 'platform') = (code is not null)),
    check ((kind = 'platform') = (tenant_id is null)),
    check ((kind = 'key_limit') = (key_id is not null))
);
create unique index account_credit on billing.account (tenant_id) where kind = 'credit';
create unique index account_key on billing.account (key_id) where kind = 'key_limit';
create unique index account_code on billing.account (code) where kind = 'platform';

-- The id of a platform account follows from its code, so that nobody has to look it up.
create function billing.platform_account(code text) returns uuid language sql immutable parallel safe as $$
    select md5('patchbay/' || code)::uuid
$$;

insert into billing.account (account_id, kind, code)
select billing.platform_account(code), 'platform', code
from unnest(array['revenue', 'cash_clearing', 'promo_expense', 'rounding']) code;

-- What a spend account has, a row per window. Credit lives in the one window that begins at the epoch.
-- posted = added - spent, available = posted - held. `strict` rows can never owe: credit. A key's limit may be
-- lowered below what was already spent.
create table billing.balance (
    account_id uuid not null,
    window_start timestamptz not null,
    added bigint not null default 0,
    spent bigint not null default 0,
    held bigint not null default 0 check (held >= 0),
    strict boolean not null,
    posted bigint generated always as (added - spent) stored,
    available bigint generated always as (added - spent - held) stored,
    primary key (account_id, window_start),
    check (not strict or (added - spent >= 0 and held <= added - spent))
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Invoicing closes periods; every transfer falls into the one that is open when it is written.
create table billing.period (
    period_id bigint generated always as identity primary key,
    state text not null default 'open' check (state in ('open', 'closed')),
    opened_at timestamptz not null default now(),
    closed_at timestamptz,
    check ((state = 'closed') = (closed_at is not null))
);
create unique index period_open on billing.period (state) where state = 'open';
insert into billing.period default values;

-- The open period, kept open until the caller's transaction ends: closing takes the same lock exclusively.
-- First lock of every function that writes transfers.
create function billing.open_period() returns bigint language plpgsql as $$
declare
    v_period bigint;
begin
    perform pg_advisory_xact_lock_shared(7305803385001);
    select period_id into strict v_period from billing.period where state = 'open';
    return v_period;
end
$$;

-- One row is the whole double entry: it debits one account and credits another. Never changed, never deleted.
-- No foreign keys to `account`: every usage would lock the one revenue row; the invariants look instead.
create table billing.transfer (
    source_id uuid not null,
    kind text not null,
    leg smallint not null default 0,
    debit_account uuid not null,
    credit_account uuid not null,
    amount bigint not null check (amount > 0),
    tenant_id uuid not null,
    period_id bigint not null,
    posted_at timestamptz not null,
    -- Rows of transactions older than the oldest running one are complete: what is sealed lies below it.
    xid xid8 not null default pg_current_xact_id(),
    note text,
    primary key (source_id, kind, leg),
    check (debit_account <> credit_account)
);
create index transfer_posted_at on billing.transfer using brin (posted_at) with (pages_per_range = 16);

create function billing.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% rows are immutable', tg_table_name using errcode = 'restrict_violation';
end
$$;

create trigger transfer_is_immutable before update or delete on billing.transfer
    for each row execute function billing.refuse_change();
create trigger transfer_is_not_truncated before truncate on billing.transfer
    for each statement execute function billing.refuse_change();

-- An immutable copy of each price list that a plan was made with. Rates are pico-USD per unit, in the order
-- input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, audio_input, audio_output, image,
-- request; null = not listed. Tiers: [{"above": tokens, "rates": [..]}].
create table billing.price_version (
    price_version_id uuid primary key,
    endpoint_id uuid,
    provider text not null,
    model text not null,
    base bigint[] not null check (cardinality(base) = 10),
    tiers jsonb not null default '[]' check (jsonb_typeof(tiers) = 'array'),
    stored_at timestamptz not null default now()
);
create trigger price_version_is_immutable before update or delete on billing.price_version
    for each row execute function billing.refuse_change();
create trigger price_version_is_not_truncated before truncate on billing.price_version
    for each statement execute function billing.refuse_change();

-- Spent by key and UTC day of admission, so that a key's totals need no scan of usage.
create table billing.key_usage (
    key_id uuid not null,
    day date not null,
    tenant_id uuid not null,
    charge bigint not null,
    requests bigint not null,
    primary key (key_id, day)
) with (fillfactor = 50);
