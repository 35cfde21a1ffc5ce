-- People: who signs in, which organisations they are members of, and their sessions. And how every edge hears that
-- something changed that governs all keys of a tenant.
set lock_timeout = '5s';

-- What the APIs call a user. One person may be a member of several organisations.
create table identity.person (
    id uuid primary key,
    email text not null unique check (email = lower(email) and email ~ '^[^@\s]+@[^@\s]+$' and length(email) <= 254),
    name text not null default '' check (length(name) <= 200),
    -- Argon2id, as a PHC string. Null = nobody can sign in with a password.
    password_hash text,
    -- Who vouched for the person instead, and as whom.
    oidc_issuer text,
    oidc_subject text,
    -- May use the operators' API.
    is_platform_admin boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    last_sign_in_at timestamptz,
    disabled_at timestamptz,
    check ((oidc_issuer is null) = (oidc_subject is null)),
    unique (oidc_issuer, oidc_subject)
);

create table identity.member (
    tenant_id uuid not null references identity.organisation (id),
    person_id uuid not null references identity.person (id),
    role text not null check (role in ('owner', 'admin', 'billing', 'developer', 'viewer')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, person_id)
);

create index member_by_person on identity.member (person_id);

-- The default workspace has every member without a row.
create table identity.workspace_member (
    workspace_id uuid not null,
    person_id uuid not null,
    tenant_id uuid not null,
    role text not null default 'member' check (role in ('admin', 'member')),
    created_at timestamptz not null default now(),
    primary key (workspace_id, person_id),
    foreign key (tenant_id, workspace_id) references identity.workspace (tenant_id, id),
    foreign key (tenant_id, person_id) references identity.member (tenant_id, person_id) on delete cascade
);

create index workspace_member_by_person on identity.workspace_member (tenant_id, person_id);

create table identity.session (
    id uuid primary key,
    -- SHA-256 of the cookie's secret.
    hash bytea not null unique check (octet_length(hash) = 32),
    person_id uuid not null references identity.person (id),
    -- The organisation that the person works in now. Null = none.
    tenant_id uuid references identity.organisation (id),
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    -- Moves on with use.
    expires_at timestamptz not null,
    revoked_at timestamptz
);

create index session_by_person on identity.session (person_id) where revoked_at is null;

alter table identity.api_key add column creator_person_id uuid references identity.person (id);
alter table identity.api_key add column creator text not null default '';

-- The person that a transaction acts for, beside or instead of a tenant.
create function identity.bound_person() returns uuid
    language sql stable
as $$ select nullif(current_setting('app.person', true), '')::uuid $$;

alter table identity.person enable row level security;
alter table identity.person force row level security;
create policy by_person on identity.person to patchbay_identity
    using (id = (select identity.bound_person()));
create policy by_email on identity.person for select to patchbay_identity
    using (email = (select nullif(current_setting('app.email', true), '')));
create policy of_members on identity.person for select to patchbay_identity
    using (exists (
        select from identity.member m
        where m.person_id = person.id and m.tenant_id = (select identity.bound_tenant())));

alter table identity.member enable row level security;
alter table identity.member force row level security;
create policy by_tenant on identity.member to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy by_person on identity.member for select to patchbay_identity
    using (person_id = (select identity.bound_person()));

alter table identity.workspace_member enable row level security;
alter table identity.workspace_member force row level security;
create policy by_tenant on identity.workspace_member to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));

alter table identity.session enable row level security;
alter table identity.session force row level security;
create policy by_hash on identity.session to patchbay_identity
    using (hash = (select identity.named_hash()));
create policy by_person on identity.session to patchbay_identity
    using (person_id = (select identity.bound_person()));

create policy by_person on identity.organisation for select to patchbay_identity
    using (exists (
        select from identity.member m
        where m.tenant_id = organisation.id and m.person_id = (select identity.bound_person())));

-- A session in force, by the hash of its secret, with the person's part in the organisation that it works in. Using
-- it moves its end on, at most once a minute.
create function identity.session_by_hash(wanted bytea, idle interval)
    returns table (id uuid, person_id uuid, is_platform_admin boolean, tenant_id uuid, role text)
    language plpgsql
as $$
#variable_conflict use_column
declare
    found_person uuid;
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    select s.person_id into found_person from identity.session s
    where s.hash = wanted and s.revoked_at is null and s.expires_at > now();
    if found_person is null then
        return;
    end if;
    perform set_config('app.person', found_person::text, true);
    update identity.session s set last_seen_at = now(), expires_at = now() + idle
    where s.hash = wanted and s.last_seen_at < now() - interval '1 minute';
    return query
        select s.id, p.id, p.is_platform_admin, m.tenant_id, m.role
        from identity.session s
        join identity.person p on p.id = s.person_id and p.disabled_at is null
        left join identity.member m on m.person_id = s.person_id and m.tenant_id = s.tenant_id
        where s.hash = wanted;
end
$$;

-- A change of whatever governs all of a tenant's keys stands beside the changes of single keys.
alter table identity.key_change alter column hash drop not null;
alter table identity.key_change add column tenant_id uuid;
alter table identity.key_change add constraint key_change_of_one check ((hash is null) <> (tenant_id is null));

create function identity.tenant_changed(of_tenant uuid) returns void
    language plpgsql
as $$
declare
    new_revision bigint;
begin
    update identity.key_revision set value = value + 1 returning value into new_revision;
    insert into identity.key_change (revision, tenant_id) values (new_revision, of_tenant);
    delete from identity.key_change where revision <= new_revision - 10000;
    perform pg_notify('patchbay_keys', 'tenant:' || of_tenant);
end
$$;

grant select, insert, update, delete on identity.person, identity.member, identity.workspace_member,
    identity.session to patchbay_identity;
