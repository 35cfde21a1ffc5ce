-- Codes that apps exchange for keys: somebody allowed an app to have a key, the app shows that it is the one that asked.
set lock_timeout = '5s';

create table identity.auth_code (
    -- SHA-256 of the code.
    hash bytea primary key check (octet_length(hash) = 32),
    tenant_id uuid not null references identity.organisation (id) on delete cascade,
    workspace_id uuid not null,
    -- Whoever allowed it: a member, or a management key.
    person_id uuid,
    key_id uuid references identity.api_key (id) on delete cascade,
    -- Where the app lives, as people see it; empty = it has no address.
    app text not null check (length(app) <= 300),
    -- What the verifier is held against. Null = the code alone is proof enough.
    challenge text check (length(challenge) between 43 and 128),
    challenge_method text check (challenge_method in ('S256', 'plain')),
    -- What the key is to be.
    key_name text not null check (length(key_name) between 1 and 200),
    limit_nanos bigint check (limit_nanos >= 0),
    limit_reset text check (limit_reset in ('daily', 'weekly', 'monthly')),
    key_expires_at timestamptz,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    check ((person_id is null) <> (key_id is null)),
    check ((challenge is null) = (challenge_method is null)),
    foreign key (tenant_id, workspace_id) references identity.workspace (tenant_id, id) on delete cascade,
    foreign key (tenant_id, person_id) references identity.member (tenant_id, person_id) on delete cascade
);

create index auth_code_by_tenant on identity.auth_code (tenant_id, expires_at);
create index auth_code_by_person on identity.auth_code (tenant_id, person_id);
create index auth_code_by_key on identity.auth_code (key_id) where key_id is not null;

alter table identity.auth_code enable row level security;
alter table identity.auth_code force row level security;
create policy by_tenant on identity.auth_code to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy by_hash on identity.auth_code for select to patchbay_identity
    using (hash = (select identity.named_hash()));

-- A code in force, by the hash of it, with the present role of the member who allowed it. Nothing when they are no
-- member any more or disabled, or when the management key that allowed it is not in force.
create function identity.auth_code_by_hash(wanted bytea)
    returns table (tenant_id uuid, workspace_id uuid, person_id uuid, role text, key_id uuid, app text, challenge text,
                   challenge_method text, key_name text, limit_nanos bigint, limit_reset text,
                   key_expires_at timestamptz)
    language plpgsql
as $$
#variable_conflict use_column
declare
    found_tenant uuid;
    found_person uuid;
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    select c.tenant_id, c.person_id into found_tenant, found_person from identity.auth_code c
    where c.hash = wanted and c.used_at is null and c.expires_at > now();
    if found_tenant is null then
        return;
    end if;
    perform set_config('app.tenant', found_tenant::text, true);
    perform set_config('app.person', coalesce(found_person::text, ''), true);
    return query
        select c.tenant_id, c.workspace_id, c.person_id, m.role, c.key_id, c.app, c.challenge, c.challenge_method,
               c.key_name, c.limit_nanos, c.limit_reset, c.key_expires_at
        from identity.auth_code c
        left join identity.person p on p.id = c.person_id and p.disabled_at is null
        left join identity.member m on m.tenant_id = c.tenant_id and m.person_id = p.id
        left join identity.api_key k on k.tenant_id = c.tenant_id and k.id = c.key_id and k.deleted_at is null
            and not k.disabled and (k.expires_at is null or k.expires_at > now())
        where c.hash = wanted and (m.role is not null or k.id is not null);
end
$$;

grant select, insert, update, delete on identity.auth_code to patchbay_identity;
