-- Signing in: sessions with an end that use does not move, invitations, forgotten passwords, and the mail about them.
set lock_timeout = '5s';

-- However much a session is used, it ends then.
alter table identity.session add column ends_at timestamptz not null default now() + interval '30 days';
-- What its owner knows it by.
alter table identity.session add column user_agent text not null default '' check (length(user_agent) <= 300);
alter table identity.session add column address text not null default '' check (length(address) <= 64);

create table identity.invitation (
    id uuid primary key,
    tenant_id uuid not null references identity.organisation (id),
    email text not null check (email = lower(email) and email ~ '^[^@\s]+@[^@\s]+$' and length(email) <= 254),
    role text not null check (role in ('owner', 'admin', 'billing', 'developer', 'viewer')),
    -- Workspaces that the person becomes a member of beside the default one.
    workspace_ids uuid[] not null default '{}',
    -- SHA-256 of the token in the mail.
    hash bytea not null unique check (octet_length(hash) = 32),
    invited_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    accepted_at timestamptz,
    accepted_by uuid references identity.person (id),
    revoked_at timestamptz,
    check ((accepted_at is null) = (accepted_by is null)),
    check (accepted_at is null or revoked_at is null)
);

create index invitation_by_tenant on identity.invitation (tenant_id, created_at);
create unique index invitation_one_open on identity.invitation (tenant_id, email)
    where accepted_at is null and revoked_at is null;

create table identity.password_reset (
    id uuid primary key,
    hash bytea not null unique check (octet_length(hash) = 32),
    person_id uuid not null references identity.person (id),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);

create index password_reset_by_person on identity.password_reset (person_id);

-- Mail that is to be sent: written with what it is about, in one transaction, and deleted once it is delivered.
create table identity.mail (
    id uuid primary key,
    recipient text not null,
    -- The message, which holds a token, under the master key.
    sealed bytea not null,
    created_at timestamptz not null default now(),
    -- Nobody wants it any more.
    expires_at timestamptz not null,
    next_try_at timestamptz not null default now(),
    tries integer not null default 0,
    fault text not null default ''
);

create index mail_by_next_try on identity.mail (next_try_at);

alter table identity.invitation enable row level security;
alter table identity.invitation force row level security;
create policy by_tenant on identity.invitation to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));
create policy by_hash on identity.invitation for select to patchbay_identity
    using (hash = (select identity.named_hash()));

alter table identity.password_reset enable row level security;
alter table identity.password_reset force row level security;
create policy by_person on identity.password_reset to patchbay_identity
    using (person_id = (select identity.bound_person()));
create policy by_hash on identity.password_reset for select to patchbay_identity
    using (hash = (select identity.named_hash()));

alter table identity.mail enable row level security;
alter table identity.mail force row level security;
create policy outbox on identity.mail to patchbay_identity
    using ((select current_setting('app.mail', true)) = 'outbox');

-- What is over is nobody's secret, and is swept.
create policy ended on identity.session for select to patchbay_identity
    using (expires_at < now() - interval '7 days');
create policy ended_goes on identity.session for delete to patchbay_identity
    using (expires_at < now() - interval '7 days');
create policy ended on identity.password_reset for select to patchbay_identity
    using (expires_at < now() - interval '7 days');
create policy ended_goes on identity.password_reset for delete to patchbay_identity
    using (expires_at < now() - interval '7 days');

-- As before, within the end that use does not move.
create or replace function identity.session_by_hash(wanted bytea, idle interval)
    returns table (id uuid, person_id uuid, is_platform_admin boolean, tenant_id uuid, role text)
    language plpgsql
as $$
#variable_conflict use_column
declare
    found_person uuid;
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    select s.person_id into found_person from identity.session s
    where s.hash = wanted and s.revoked_at is null and least(s.expires_at, s.ends_at) > now();
    if found_person is null then
        return;
    end if;
    perform set_config('app.person', found_person::text, true);
    update identity.session s set last_seen_at = now(), expires_at = least(now() + idle, s.ends_at)
    where s.hash = wanted and s.last_seen_at < now() - interval '1 minute';
    return query
        select s.id, p.id, p.is_platform_admin, m.tenant_id, m.role
        from identity.session s
        join identity.person p on p.id = s.person_id and p.disabled_at is null
        left join identity.member m on m.person_id = s.person_id and m.tenant_id = s.tenant_id
        where s.hash = wanted;
end
$$;

-- Ends the session with this secret, whosever it is.
create function identity.end_session(wanted bytea) returns void
    language plpgsql
as $$
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    update identity.session set revoked_at = now() where hash = wanted and revoked_at is null;
end
$$;

-- Somebody by their e-mail address, with what tells whether a password is theirs.
create function identity.person_by_email(wanted text)
    returns table (id uuid, password_hash text, is_disabled boolean)
    language plpgsql
as $$
begin
    perform set_config('app.email', wanted, true);
    return query
        select p.id, p.password_hash, p.disabled_at is not null from identity.person p where p.email = wanted;
end
$$;

-- An invitation in force, by the hash of its token, with the person who has its e-mail address already.
create function identity.invitation_by_hash(wanted bytea)
    returns table (id uuid, tenant_id uuid, email text, person_id uuid, is_disabled boolean)
    language plpgsql
as $$
#variable_conflict use_column
declare
    found_email text;
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    select i.email into found_email from identity.invitation i
    where i.hash = wanted and i.accepted_at is null and i.revoked_at is null and i.expires_at > now();
    perform set_config('app.email', coalesce(found_email, ''), true);
    return query
        select i.id, i.tenant_id, i.email, p.id, coalesce(p.disabled_at is not null, false)
        from identity.invitation i
        left join identity.person p on p.email = i.email
        where i.hash = wanted and i.email = found_email;
end
$$;

-- A reset in force, by the hash of its token.
create function identity.password_reset_by_hash(wanted bytea)
    returns table (id uuid, person_id uuid, email text)
    language plpgsql
as $$
#variable_conflict use_column
declare
    found_person uuid;
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    select r.person_id into found_person from identity.password_reset r
    where r.hash = wanted and r.used_at is null and r.expires_at > now();
    perform set_config('app.person', coalesce(found_person::text, ''), true);
    return query
        select r.id, p.id, p.email
        from identity.password_reset r
        join identity.person p on p.id = r.person_id and p.disabled_at is null
        where r.hash = wanted and r.person_id = found_person;
end
$$;

create function identity.queue_mail(mail_id uuid, to_address text, content bytea, until timestamptz) returns void
    language plpgsql
as $$
begin
    perform set_config('app.mail', 'outbox', true);
    insert into identity.mail (id, recipient, sealed, expires_at) values (mail_id, to_address, content, until);
    perform set_config('app.mail', '', true);
end
$$;

-- Mail whose turn it is. Nobody else takes it before `rest` is over; mail that nobody wants any more is dropped.
create function identity.take_mail(at_most integer, rest interval)
    returns table (id uuid, recipient text, sealed bytea, tries integer)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.mail', 'outbox', true);
    delete from identity.mail where expires_at <= now();
    return query
        update identity.mail m set next_try_at = now() + rest, tries = m.tries + 1
        where m.id in (
            select d.id from identity.mail d where d.next_try_at <= now()
            order by d.next_try_at limit at_most for update skip locked)
        returning m.id, m.recipient, m.sealed, m.tries;
end
$$;

create function identity.mail_sent(mail_id uuid) returns void
    language plpgsql
as $$
begin
    perform set_config('app.mail', 'outbox', true);
    delete from identity.mail where id = mail_id;
end
$$;

create function identity.mail_failed(mail_id uuid, why text, rest interval) returns void
    language plpgsql
as $$
begin
    perform set_config('app.mail', 'outbox', true);
    update identity.mail set fault = why, next_try_at = now() + rest where id = mail_id;
end
$$;

-- Forgets sessions and resets that ended a week ago.
create function identity.forget_ended() returns void
    language sql
as $$
    delete from identity.session where expires_at < now() - interval '7 days';
    delete from identity.password_reset where expires_at < now() - interval '7 days';
$$;

grant select, insert, update on identity.invitation to patchbay_identity;
grant select, insert, update, delete on identity.password_reset, identity.mail to patchbay_identity;
