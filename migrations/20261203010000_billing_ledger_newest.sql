-- Billing: the newest transfers are looked for from the newest of them on, however many transactions wrote none since.
set lock_timeout = '5s';

-- The number of the newest transaction up to `p_below` that wrote a transfer, or one less than 32 above it. A plan that
-- reads transfers until it meets one reads all that are older: only the index over their numbers is to be used.
create function billing.newest_transfer(p_below bigint) returns bigint language plpgsql stable
set enable_seqscan = off set enable_indexscan = off set enable_indexonlyscan = off set jit = off as $$
declare
    v_newest bigint := p_below;
    v_gap bigint := 32;
begin
    loop
        if exists (select from billing.transfer t
            where billing.xid_number(t.xid) > v_newest - v_gap and billing.xid_number(t.xid) <= v_newest)
        then
            exit when v_gap = 32;
            -- None of the nearer eighth wrote one.
            v_newest := v_newest - v_gap / 8;
            v_gap := 32;
        else
            exit when v_gap >= v_newest;
            v_gap := v_gap * 8;
        end if;
    end loop;
    return v_newest;
end
$$;

-- Transfers, the newest transaction first. `p_filter`: tenant, kind, account (code or id), source, from, until
-- (times), least, most (nano-USD), after (`next` of the page before), limit. Without a tenant, a source and a time only
-- the last day is looked at.
create or replace function billing.list_transfers(p_filter jsonb) returns jsonb language plpgsql stable as $$
declare
    v_limit integer := least(greatest(coalesce((p_filter ->> 'limit')::integer, 50), 1), 500);
    v_after text[] := string_to_array(p_filter ->> 'after', '/');
    v_from timestamptz := coalesce((p_filter ->> 'from')::timestamptz,
        case when p_filter ?| array['tenant', 'source', 'until'] then 'epoch' else billing.clock() - interval '1 day' end);
    v_where text := format('t.posted_at >= %L', v_from);
    -- The newest transaction that can be on this page.
    v_newest bigint := billing.xid_number(coalesce(v_after[1]::xid8, pg_snapshot_xmax(pg_current_snapshot())));
    -- So many transactions back from it are looked at; null = an index leads to the rows in their order.
    v_back bigint := case when p_filter ?| array['tenant', 'source'] then null else 32 end;
    v_rows jsonb;
begin
    -- What wrote no transfer is passed over: looked at with what is before it, it would be thousands that are sorted.
    if v_back is not null then
        v_newest := billing.newest_transfer(v_newest);
    end if;
    if p_filter ? 'until' then
        v_where := v_where || format(' and t.posted_at < %L', (p_filter ->> 'until')::timestamptz);
    end if;
    if p_filter ? 'tenant' then
        v_where := v_where || format(' and t.tenant_id = %L', (p_filter ->> 'tenant')::uuid);
    end if;
    if p_filter ? 'source' then
        v_where := v_where || format(' and t.source_id = %L', (p_filter ->> 'source')::uuid);
    end if;
    if p_filter ? 'kind' then
        v_where := v_where || format(' and t.kind = %L', p_filter ->> 'kind');
    end if;
    if p_filter ? 'account' then
        v_where := v_where || format(' and %L in (t.debit_account, t.credit_account)',
            coalesce(billing.named_account(p_filter ->> 'account'), '00000000-0000-0000-0000-000000000000'));
    end if;
    if p_filter ? 'least' then
        v_where := v_where || format(' and t.amount >= %L', (p_filter ->> 'least')::bigint);
    end if;
    if p_filter ? 'most' then
        v_where := v_where || format(' and t.amount <= %L', (p_filter ->> 'most')::bigint);
    end if;
    if v_after is not null then
        -- The first conditions are what an index can use.
        v_where := v_where || format(' and t.xid <= %1$L::xid8 and billing.xid_number(t.xid) <= %5$L
            and (t.xid, t.source_id, t.kind collate "C", t.leg) < (%1$L::xid8, %2$L::uuid, %3$L, %4$L::smallint)',
            v_after[1], v_after[2], v_after[3], v_after[4], v_newest);
    end if;
    loop
        execute format('select coalesce(jsonb_agg(billing.transfer_json(q.entry) || jsonb_build_object(''cursor'',
                concat_ws(''/'', (q.entry).xid, (q.entry).source_id, (q.entry).kind, (q.entry).leg)) order by q.place), ''[]'')
            from (select t as entry, row_number() over (order by t.xid desc, t.source_id desc, t.kind collate "C" desc, t.leg desc) as place
                from billing.transfer t where %s
                order by t.xid desc, t.source_id desc, t.kind collate "C" desc, t.leg desc limit %s) q',
            v_where || case when v_back is null then '' else format(' and billing.xid_number(t.xid) > %L', v_newest - v_back) end,
            v_limit) into v_rows;
        exit when jsonb_array_length(v_rows) = v_limit or coalesce(v_back >= v_newest, true);
        -- What is rare is far back: few steps lead to the beginning, and all before the last are cheap beside it.
        v_back := v_back * 32;
    end loop;
    return jsonb_build_object('data', (select coalesce(jsonb_agg(r.value - 'cursor' order by r.place), '[]')
            from jsonb_array_elements(v_rows) with ordinality r(value, place)),
        'next', case when jsonb_array_length(v_rows) = v_limit then v_rows -> -1 -> 'cursor' end);
end
$$;
