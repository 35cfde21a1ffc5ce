-- What operators were answered under an `Idempotency-Key`, and their reading of the record of changes.
set lock_timeout = '5s';

create table identity.admin_answer (
    -- The operator, as the record of changes names them.
    actor text not null,
    -- SHA-256 of what the operator calls the request.
    name bytea not null check (octet_length(name) = 32),
    -- SHA-256 of the request itself: another one under the same name is refused.
    request bytea not null check (octet_length(request) = 32),
    -- Which of several attempts at the same request it is that is under way.
    attempt uuid not null,
    state text not null check (state in ('claimed', 'kept')),
    -- Until when whoever makes it is believed to be alive.
    claim_ends_at timestamptz not null,
    status integer check ((status is not null) = (state = 'kept')),
    -- AES-256-GCM under the platform's master key, bound to this row.
    sealed bytea check ((sealed is not null) = (state = 'kept')),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (actor, name)
);

create index admin_answer_by_expiry on identity.admin_answer (expires_at);

alter table identity.admin_answer enable row level security;
alter table identity.admin_answer force row level security;
create policy by_actor on identity.admin_answer to patchbay_identity
    using (actor = (select current_setting('app.actor', true)));
-- What has expired is nobody's any more.
create policy sweeping_sees on identity.admin_answer for select to patchbay_identity
    using (expires_at <= now() and (select current_setting('app.sweeping', true)) = 'answers');
create policy sweeping on identity.admin_answer for delete to patchbay_identity
    using (expires_at <= now() and (select current_setting('app.sweeping', true)) = 'answers');

-- Claims an answer, in one round trip. `won` = it is this attempt's to make; else the state of the one that is there,
-- and whether it is of the same request. A claim that lapsed is taken over by the same request.
create function identity.claim_admin_answer(
    by_actor text, of_name bytea, of_request bytea, for_attempt uuid, claim interval, keep interval
) returns table (state text, is_same boolean, status integer, sealed bytea)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.actor', by_actor, true);
    for attempt in 1..3 loop
        return query
            insert into identity.admin_answer as a
                (actor, name, request, attempt, state, claim_ends_at, expires_at)
            values (by_actor, of_name, of_request, for_attempt, 'claimed', now() + claim, now() + keep)
            on conflict (actor, name) do update
                set request = excluded.request, attempt = excluded.attempt, state = 'claimed',
                    claim_ends_at = excluded.claim_ends_at, status = null, sealed = null, created_at = now(),
                    expires_at = excluded.expires_at
                where a.expires_at <= now()
                   or (a.state = 'claimed' and a.claim_ends_at <= now() and a.request = excluded.request)
            returning 'won'::text, true, null::integer, null::bytea;
        if found then
            return;
        end if;
        return query
            select a.state, a.request = of_request, a.status, a.sealed
            from identity.admin_answer a
            where a.actor = by_actor and a.name = of_name;
        if found then
            return;
        end if;
        -- It was given back between the two.
    end loop;
end
$$;

create function identity.keep_admin_answer(
    by_actor text, of_name bytea, of_attempt uuid, with_status integer, answer bytea
) returns boolean
    language plpgsql
as $$
begin
    perform set_config('app.actor', by_actor, true);
    update identity.admin_answer a
    set state = 'kept', status = with_status, sealed = answer
    where a.actor = by_actor and a.name = of_name and a.attempt = of_attempt and a.state = 'claimed';
    return found;
end
$$;

-- Gives a claim back: nothing was done under it.
create function identity.release_admin_answer(by_actor text, of_name bytea, of_attempt uuid) returns boolean
    language plpgsql
as $$
begin
    perform set_config('app.actor', by_actor, true);
    delete from identity.admin_answer a
    where a.actor = by_actor and a.name = of_name and a.attempt = of_attempt and a.state = 'claimed';
    return found;
end
$$;

-- Forgets answers whose time is over, clients' and operators'. How many.
create or replace function identity.sweep_answers(at_most integer) returns bigint
    language plpgsql
as $$
declare
    swept bigint;
    swept_of_operators bigint;
begin
    perform set_config('app.sweeping', 'answers', true);
    delete from identity.answer a
    where (a.key_id, a.name) in (
        select old.key_id, old.name from identity.answer old where old.expires_at <= now()
        order by old.expires_at limit at_most
    ) and a.expires_at <= now();
    get diagnostics swept = row_count;
    delete from identity.admin_answer a
    where (a.actor, a.name) in (
        select old.actor, old.name from identity.admin_answer old where old.expires_at <= now()
        order by old.expires_at limit at_most
    ) and a.expires_at <= now();
    get diagnostics swept_of_operators = row_count;
    return swept + swept_of_operators;
end
$$;

grant select, insert, update, delete on identity.admin_answer to patchbay_identity;

-- Operators read what everybody changed.
create policy auditing on identity.audit_log for select to patchbay_identity
    using ((select current_setting('app.auditing', true)) = 'operators');

create index audit_log_by_action on identity.audit_log (action, id);
create index audit_log_by_actor on identity.audit_log (actor, id);

-- A page of the record of changes, newest first. Nulls filter nothing; `before` is the last id of the page before.
create function identity.audit_page(
    of_tenant uuid, by_actor text, of_action text, on_target text, since timestamptz, before uuid, at_most integer
) returns table (
    id uuid, at timestamptz, tenant_id uuid, actor text, action text, target text, details jsonb
)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.auditing', 'operators', true);
    return query
        select l.id, l.at, l.tenant_id, l.actor, l.action, l.target, l.details
        from identity.audit_log l
        where (of_tenant is null or l.tenant_id = of_tenant)
          and (by_actor is null or l.actor = by_actor)
          and (of_action is null or l.action = of_action)
          and (on_target is null or l.target = on_target)
          and (since is null or l.at >= since)
          and (before is null or l.id < before)
        order by l.id desc
        limit at_most;
end
$$;
