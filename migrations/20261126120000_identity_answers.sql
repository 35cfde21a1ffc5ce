-- Answers that a client asked to be kept under a key of its own (`Idempotency-Key`), and the claims of those that
-- are being made.
set lock_timeout = '5s';

create table identity.answer (
    key_id uuid not null references identity.api_key (id),
    -- SHA-256 of what the client calls the request.
    name bytea not null check (octet_length(name) = 32),
    tenant_id uuid not null references identity.organisation (id),
    -- SHA-256 of the request itself: another one under the same name is refused.
    request bytea not null check (octet_length(request) = 32),
    generation_id uuid not null,
    -- `claimed` while an edge makes it; `too_large` = it was given once and not kept.
    state text not null check (state in ('claimed', 'kept', 'too_large')),
    -- The edge that makes it, and until when it is believed to be alive.
    edge text not null,
    claim_ends_at timestamptz not null,
    -- AES-256-GCM under the platform's master key, bound to this row.
    sealed bytea check ((sealed is not null) = (state = 'kept')),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (key_id, name)
);

create index answer_by_expiry on identity.answer (expires_at);

alter table identity.answer enable row level security;
alter table identity.answer force row level security;
create policy by_tenant on identity.answer to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
-- What has expired is nobody's any more.
create policy sweeping_sees on identity.answer for select to patchbay_identity
    using (expires_at <= now() and (select current_setting('app.sweeping', true)) = 'answers');
create policy sweeping on identity.answer for delete to patchbay_identity
    using (expires_at <= now() and (select current_setting('app.sweeping', true)) = 'answers');

-- Claims an answer for an edge, in one round trip. `won` = it is this generation's to make; else the state of the
-- one that is there, and whether it is of the same request. A claim that lapsed is taken over by the same request.
create function identity.claim_answer(
    of_tenant uuid, of_key uuid, of_name bytea, of_request bytea, for_generation uuid, by_edge text,
    claim interval, keep interval
) returns table (state text, generation_id uuid, is_same boolean, sealed bytea)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.tenant', of_tenant::text, true);
    for attempt in 1..3 loop
        -- Whoever only waits writes nothing.
        return query
            select a.state, a.generation_id, a.request = of_request, a.sealed
            from identity.answer a
            where a.key_id = of_key and a.name = of_name and a.expires_at > now()
              and not (a.state = 'claimed' and a.claim_ends_at <= now() and a.request = of_request);
        if found then
            return;
        end if;
        return query
            insert into identity.answer as a
                (key_id, name, tenant_id, request, generation_id, state, edge, claim_ends_at, expires_at)
            values (of_key, of_name, of_tenant, of_request, for_generation, 'claimed', by_edge, now() + claim,
                    now() + keep)
            on conflict (key_id, name) do update
                set request = excluded.request, generation_id = excluded.generation_id, state = 'claimed',
                    edge = excluded.edge, claim_ends_at = excluded.claim_ends_at, sealed = null,
                    created_at = now(), expires_at = excluded.expires_at
                where a.expires_at <= now()
                   or (a.state = 'claimed' and a.claim_ends_at <= now() and a.request = excluded.request)
            returning 'won'::text, a.generation_id, true, null::bytea;
        if found then
            return;
        end if;
        -- Somebody else was faster, and is seen by now.
    end loop;
end
$$;

-- The edge is still at it. Whether the claim is still its own.
create function identity.extend_claim(
    of_tenant uuid, of_key uuid, of_name bytea, of_generation uuid, claim interval
) returns boolean
    language plpgsql
as $$
begin
    perform set_config('app.tenant', of_tenant::text, true);
    update identity.answer a set claim_ends_at = now() + claim
    where a.key_id = of_key and a.name = of_name and a.generation_id = of_generation and a.state = 'claimed';
    return found;
end
$$;

-- Keeps what was made under a claim, or with null that it was too large to be kept.
create function identity.keep_answer(
    of_tenant uuid, of_key uuid, of_name bytea, of_generation uuid, answer bytea
) returns boolean
    language plpgsql
as $$
begin
    perform set_config('app.tenant', of_tenant::text, true);
    update identity.answer a
    set state = case when answer is null then 'too_large' else 'kept' end, sealed = answer
    where a.key_id = of_key and a.name = of_name and a.generation_id = of_generation and a.state = 'claimed';
    return found;
end
$$;

-- Gives a claim back: nothing was made under it.
create function identity.release_claim(of_tenant uuid, of_key uuid, of_name bytea, of_generation uuid) returns boolean
    language plpgsql
as $$
begin
    perform set_config('app.tenant', of_tenant::text, true);
    delete from identity.answer a
    where a.key_id = of_key and a.name = of_name and a.generation_id = of_generation and a.state = 'claimed';
    return found;
end
$$;

-- Forgets answers whose time is over. How many.
create function identity.sweep_answers(at_most integer) returns bigint
    language plpgsql
as $$
declare
    swept bigint;
begin
    perform set_config('app.sweeping', 'answers', true);
    delete from identity.answer a
    where (a.key_id, a.name) in (
        select old.key_id, old.name from identity.answer old where old.expires_at <= now()
        order by old.expires_at limit at_most
    ) and a.expires_at <= now();
    get diagnostics swept = row_count;
    return swept;
end
$$;

grant select, insert, update, delete on identity.answer to patchbay_identity;
