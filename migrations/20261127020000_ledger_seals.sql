-- Billing: the ledger sealed in a hash chain per tenant, behind the transactions that write it, and the sums that
-- sealing leaves behind, so that nobody has to add up years of transfers again.
set lock_timeout = '5s';

-- BRIN knows numbers.
create function billing.xid_number(id xid8) returns bigint language sql immutable strict parallel safe as $$
    select id::text::bigint
$$;

create index transfer_xid on billing.transfer using brin (billing.xid_number(xid))
    with (pages_per_range = 16, autosummarize = on);
create index transfer_tenant on billing.transfer (tenant_id, xid);

-- A block: every transfer of a tenant whose transaction is in [first_xid, end_xid). Blocks of a tenant follow each
-- other without a gap between their ranges. What belongs to no tenant has the tenant of zeros.
create table billing.seal (
    tenant_id uuid not null,
    block bigint not null check (block > 0),
    first_xid xid8 not null,
    end_xid xid8 not null,
    entries bigint not null check (entries > 0),
    -- Of the block before and this block's text; see `billing.block_sha256`. The first block follows 32 zeros.
    sha256 bytea not null check (length(sha256) = 32),
    prev_sha256 bytea not null check (length(prev_sha256) = 32),
    sealed_at timestamptz not null,
    primary key (tenant_id, block),
    check (first_xid < end_xid)
);
create index seal_sealed_at on billing.seal using brin (sealed_at) with (pages_per_range = 16);

-- How far the ledger is sealed, what that came to, and which block is looked at again next.
create table billing.seal_mark (
    only_row boolean primary key default true check (only_row),
    below xid8 not null default '0',
    blocks bigint not null default 0,
    entries bigint not null default 0,
    sealed_at timestamptz not null default now(),
    walked_tenant uuid not null default '00000000-0000-0000-0000-000000000000',
    walked_block bigint not null default 0
);
insert into billing.seal_mark default values;

-- What the sealed transfers of an account come to. `spent` is the part of `debited` that is spending.
create table billing.account_checkpoint (
    account_id uuid primary key,
    debited numeric(38) not null,
    credited numeric(38) not null,
    spent numeric(38) not null
) with (fillfactor = 50);

-- The same for platform accounts, by the UTC day of posting.
create table billing.account_day (
    account_id uuid not null,
    day date not null,
    debited numeric(38) not null,
    credited numeric(38) not null,
    primary key (account_id, day)
) with (fillfactor = 50);

create trigger seal_is_immutable before update or delete on billing.seal
    for each row execute function billing.refuse_change();
create trigger seal_is_not_truncated before truncate on billing.seal
    for each statement execute function billing.refuse_change();

-- Whether a transfer that debits a spend account is spending; every other one takes back what was added.
create function billing.is_spending(kind text) returns boolean language sql immutable parallel safe as $$
    select kind in ('usage', 'byok_fee')
$$;

-- A transfer as the bytes that are sealed: one line of UTF-8 that ends with a line feed. Times are microseconds
-- since 1970 UTC, `~` stands for no note. Free text comes last, the note in hexadecimal, so that no text can look
-- like another field.
create function billing.seal_line(t billing.transfer) returns bytea language sql immutable parallel safe as $$
    select convert_to(concat_ws('|', t.source_id, t.leg, t.debit_account, t.credit_account, t.amount, t.tenant_id,
        t.period_id, (extract(epoch from t.posted_at) * 1000000)::bigint, t.xid, t.kind,
        coalesce(encode(convert_to(t.note, 'UTF8'), 'hex'), '~')) || E'\n', 'UTF8')
$$;

-- SHA-256 of: the hash before, the line `tenant|block|first_xid|end_xid|entries`, and the lines of the block's
-- transfers in the order of (xid, source_id, kind, leg), bytewise.
create function billing.block_sha256(prev bytea, tenant uuid, block bigint, first_xid xid8, end_xid xid8,
    entries bigint, lines bytea) returns bytea language sql immutable parallel safe as $$
    select sha256(prev || convert_to(concat_ws('|', tenant, block, first_xid, end_xid, entries) || E'\n', 'UTF8')
        || lines)
$$;

-- Seals what is complete, about `p_limit` transfers at a time. Answers how many it sealed; none while another
-- replica seals. Transactions below the oldest running one have ended, so their transfers are all there.
create function billing.seal_ledger(p_limit integer) returns bigint
language plpgsql set enable_seqscan = off set jit = off as $$
declare
    v_now timestamptz := billing.clock();
    v_from xid8;
    v_first bigint;
    v_end bigint;
    v_oldest bigint;
    v_found bigint;
    v_blocks bigint;
    v_entries bigint;
begin
    select below into v_from from billing.seal_mark where only_row for update skip locked;
    if not found then
        return 0;
    end if;
    v_first := billing.xid_number(v_from);
    v_oldest := billing.xid_number(pg_snapshot_xmin(pg_current_snapshot()));
    v_end := v_first;
    -- Half the way again and again, until it is not too much; on over stretches without any.
    loop
        v_first := v_end;
        v_end := v_oldest;
        exit when v_end <= v_first;
        loop
            v_found := (select count(*) from (select from billing.transfer t where billing.xid_number(t.xid) >= v_first
                and billing.xid_number(t.xid) < v_end limit p_limit + 1) x);
            exit when v_found <= p_limit or v_end - v_first <= 1;
            v_end := v_first + (v_end - v_first) / 2;
        end loop;
        exit when v_found > 0;
    end loop;
    if v_end <= v_first then
        update billing.seal_mark set below = greatest(v_oldest, billing.xid_number(v_from))::text::xid8, sealed_at = v_now;
        return 0;
    end if;

    with fresh as materialized (
        select t.tenant_id, count(*) as entries, string_agg(billing.seal_line(t), ''::bytea
            order by t.xid, t.source_id, t.kind collate "C", t.leg) as lines
        from billing.transfer t
        where billing.xid_number(t.xid) >= v_first and billing.xid_number(t.xid) < v_end
        group by t.tenant_id
    ), following as (
        select f.tenant_id, f.entries, f.lines, coalesce(s.block, 0) + 1 as block,
            coalesce(s.end_xid, '0') as first_xid, coalesce(s.sha256, decode(repeat('00', 32), 'hex')) as prev
        from fresh f
        left join lateral (select s.block, s.end_xid, s.sha256 from billing.seal s
            where s.tenant_id = f.tenant_id order by s.block desc limit 1) s on true
    ), sealed as (
        insert into billing.seal (tenant_id, block, first_xid, end_xid, entries, sha256, prev_sha256, sealed_at)
        select f.tenant_id, f.block, f.first_xid, v_end::text::xid8, f.entries,
            billing.block_sha256(f.prev, f.tenant_id, f.block, f.first_xid, v_end::text::xid8, f.entries, f.lines),
            f.prev, v_now
        from following f order by f.tenant_id
        returning entries)
    select count(*), coalesce(sum(s.entries), 0) into v_blocks, v_entries from sealed s;

    perform billing.checkpoint_accounts(v_first, v_end);
    update billing.seal_mark set below = v_end::text::xid8, blocks = blocks + v_blocks,
        entries = entries + v_entries, sealed_at = v_now;
    return v_entries;
end
$$;

-- Adds the transfers of transactions in [p_first, p_end) to what their accounts come to.
create function billing.checkpoint_accounts(p_first bigint, p_end bigint) returns void
language plpgsql set enable_seqscan = off set jit = off as $$
begin
    with sums as materialized (
        select * from billing.sides(p_first, p_end)
    ), days as (
        insert into billing.account_day as d (account_id, day, debited, credited)
        select x.account_id, x.day, x.debited, x.credited
        from sums x join billing.account a on a.account_id = x.account_id and a.kind = 'platform'
        order by 1, 2
        on conflict (account_id, day) do update set debited = d.debited + excluded.debited,
            credited = d.credited + excluded.credited
    )
    insert into billing.account_checkpoint as c (account_id, debited, credited, spent)
    select x.account_id, sum(x.debited), sum(x.credited), sum(x.spent)
    from sums x
    group by 1 order by 1
    on conflict (account_id) do update set debited = c.debited + excluded.debited,
        credited = c.credited + excluded.credited, spent = c.spent + excluded.spent;
end
$$;

-- Both sides of the transfers of transactions in [p_first, p_end), summed by account and UTC day of posting.
create function billing.sides(p_first bigint, p_end bigint)
returns table (account_id uuid, day date, debited numeric, credited numeric, spent numeric)
language plpgsql stable set enable_seqscan = off set jit = off as $$
begin
    return query
    select s.account_id, s.day, sum(s.debited), sum(s.credited), sum(s.spent)
    from billing.transfer t
    cross join lateral (values
        (t.debit_account, (t.posted_at at time zone 'UTC')::date, t.amount, 0,
            case when billing.is_spending(t.kind) then t.amount else 0 end),
        (t.credit_account, (t.posted_at at time zone 'UTC')::date, 0, t.amount, 0)
    ) s(account_id, day, debited, credited, spent)
    where billing.xid_number(t.xid) >= p_first and billing.xid_number(t.xid) < p_end
    group by 1, 2;
end
$$;

-- What every account's transfers come to: the sealed ones as they were summed, the others one by one. Stable: one
-- snapshot, in which nothing is counted twice.
create function billing.account_sums()
returns table (account_id uuid, debited numeric, credited numeric, spent numeric) language plpgsql stable as $$
begin
    return query
    select x.account_id, sum(x.debited), sum(x.credited), sum(x.spent)
    from (
        select c.account_id, c.debited, c.credited, c.spent from billing.account_checkpoint c
        union all
        select s.account_id, s.debited, s.credited, s.spent
        from billing.seal_mark m
        cross join lateral billing.sides(billing.xid_number(m.below), 9223372036854775807) s
    ) x
    group by 1;
end
$$;

-- What is wrong with a block; null = nothing. Reads the block's transfers and the block before.
create function billing.seal_fault(p_seal billing.seal) returns text
language plpgsql stable set enable_seqscan = off set jit = off as $$
declare
    v_before billing.seal;
    v_entries bigint;
    v_lines bytea;
begin
    select * into v_before from billing.seal s
    where s.tenant_id = p_seal.tenant_id and s.block = p_seal.block - 1;
    if p_seal.block > 1 and v_before.block is null then
        return format('tenant %s block %s: the block before is missing', p_seal.tenant_id, p_seal.block);
    end if;
    if p_seal.prev_sha256 <> coalesce(v_before.sha256, decode(repeat('00', 32), 'hex'))
        or p_seal.first_xid <> coalesce(v_before.end_xid, '0')
    then
        return format('tenant %s block %s: it does not follow block %s', p_seal.tenant_id, p_seal.block,
            p_seal.block - 1);
    end if;
    select count(*), coalesce(string_agg(billing.seal_line(t), ''::bytea
            order by t.xid, t.source_id, t.kind collate "C", t.leg), ''::bytea)
        into v_entries, v_lines
    from billing.transfer t
    where t.tenant_id = p_seal.tenant_id and t.xid >= p_seal.first_xid and t.xid < p_seal.end_xid;
    if v_entries <> p_seal.entries then
        return format('tenant %s block %s: %s transfers were sealed, %s are there (transactions %s to %s)',
            p_seal.tenant_id, p_seal.block, p_seal.entries, v_entries, p_seal.first_xid, p_seal.end_xid);
    end if;
    if p_seal.sha256 <> billing.block_sha256(p_seal.prev_sha256, p_seal.tenant_id, p_seal.block, p_seal.first_xid,
        p_seal.end_xid, p_seal.entries, v_lines)
    then
        return format('tenant %s block %s: its %s transfers are not what was sealed (transactions %s to %s)',
            p_seal.tenant_id, p_seal.block, p_seal.entries, p_seal.first_xid, p_seal.end_xid);
    end if;
    return null;
end
$$;

-- A tenant's transfers that should be in a block and are in none: put there later, or their block was taken away.
create function billing.unsealed(p_tenant uuid) returns text
language plpgsql stable set enable_seqscan = off set jit = off as $$
declare
    v_end xid8 := coalesce((select s.end_xid from billing.seal s where s.tenant_id = p_tenant
        order by s.block desc limit 1), '0');
    v_strays bigint;
    v_first uuid;
begin
    select count(*), (array_agg(t.source_id order by t.xid))[1] into v_strays, v_first
    from billing.transfer t cross join billing.seal_mark m
    where t.tenant_id = p_tenant and t.xid >= v_end and t.xid < m.below;
    return case when v_strays > 0 then format(
        'tenant %s: %s transfers are in no block and should be (transactions from %s), source %s among them',
        p_tenant, v_strays, v_end, v_first) end;
end
$$;

-- Verifies a tenant's whole chain; null = everybody's. A row per fault. This is the query that auditors run:
-- `select * from billing.verify_seals(null)`.
create function billing.verify_seals(p_tenant uuid) returns table (tenant_id uuid, block bigint, fault text)
language plpgsql stable as $$
begin
    return query
    select s.tenant_id, s.block, f.fault
    from billing.seal s cross join lateral (select billing.seal_fault(s) as fault) f
    where (p_tenant is null or s.tenant_id = p_tenant) and f.fault is not null;
    return query
    select t.tenant_id, null::bigint, f.fault
    from (select e.tenant_id from billing.tenant e union select '00000000-0000-0000-0000-000000000000') t
    cross join lateral (select billing.unsealed(t.tenant_id) as fault) f
    where (p_tenant is null or t.tenant_id = p_tenant) and f.fault is not null;
end
$$;

do $$
declare
    v_table text;
begin
    foreach v_table in array array['seal', 'seal_mark', 'account_checkpoint', 'account_day'] loop
        execute format('alter table billing.%I enable row level security, force row level security', v_table);
        execute format(
            'create policy billing_all on billing.%I to patchbay_billing using (true) with check (true)', v_table);
        execute format('grant select, insert on billing.%I to patchbay_billing', v_table);
        execute format('create policy report_reads on billing.%I for select to patchbay_report using (true)', v_table);
        execute format('grant select on billing.%I to patchbay_report', v_table);
    end loop;
end
$$;
grant update on billing.seal_mark, billing.account_checkpoint, billing.account_day to patchbay_billing;

create view report.seals with (security_invoker = true) as
select s.tenant_id, s.block, s.first_xid, s.end_xid, s.entries, encode(s.sha256, 'hex') as sha256,
    encode(s.prev_sha256, 'hex') as prev_sha256, s.sealed_at
from billing.seal s;
create view report.platform_days with (security_invoker = true) as
select a.code, d.day, d.debited, d.credited
from billing.account_day d join billing.account a on a.account_id = d.account_id;
grant select on report.seals, report.platform_days to patchbay_report, patchbay_billing;
