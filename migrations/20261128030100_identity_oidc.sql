-- Signing in with an account elsewhere.
set lock_timeout = '5s';

-- A sign-in that has gone to the issuer and has not come back.
create table identity.oidc_attempt (
    -- SHA-256 of the state that must come back.
    hash bytea primary key check (octet_length(hash) = 32),
    nonce text not null,
    -- Of the proof key for the code exchange; of no use without the code.
    verifier text not null,
    expires_at timestamptz not null
);

alter table identity.oidc_attempt enable row level security;
alter table identity.oidc_attempt force row level security;
create policy by_hash on identity.oidc_attempt to patchbay_identity
    using (hash = (select identity.named_hash()));
create policy ended on identity.oidc_attempt for select to patchbay_identity using (expires_at < now());
create policy ended_goes on identity.oidc_attempt for delete to patchbay_identity using (expires_at < now());

create policy by_subject on identity.person for select to patchbay_identity
    using (oidc_issuer = (select nullif(current_setting('app.oidc_issuer', true), ''))
           and oidc_subject = (select nullif(current_setting('app.oidc_subject', true), '')));
create policy by_email on identity.invitation for select to patchbay_identity
    using (email = (select nullif(current_setting('app.email', true), '')));

create function identity.begin_oidc(state_hash bytea, with_nonce text, with_verifier text, lasts interval) returns void
    language plpgsql
as $$
begin
    perform set_config('app.hash', encode(state_hash, 'hex'), true);
    delete from identity.oidc_attempt where expires_at < now();
    insert into identity.oidc_attempt (hash, nonce, verifier, expires_at)
    values (state_hash, with_nonce, with_verifier, now() + lasts);
end
$$;

-- What an attempt began with; it can be taken once.
create function identity.take_oidc(state_hash bytea)
    returns table (nonce text, verifier text)
    language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.hash', encode(state_hash, 'hex'), true);
    return query
        delete from identity.oidc_attempt a where a.hash = state_hash and a.expires_at > now()
        returning a.nonce, a.verifier;
end
$$;

-- Whoever an issuer knows by this subject.
create function identity.person_by_oidc(of_issuer text, of_subject text)
    returns table (id uuid, is_disabled boolean)
    language plpgsql
as $$
begin
    perform set_config('app.oidc_issuer', of_issuer, true);
    perform set_config('app.oidc_subject', of_subject, true);
    return query
        select p.id, p.disabled_at is not null from identity.person p
        where p.oidc_issuer = of_issuer and p.oidc_subject = of_subject;
end
$$;

-- The newest invitation in force of an e-mail address, whichever organisation's.
create function identity.invitation_by_email(wanted text)
    returns table (id uuid, tenant_id uuid)
    language plpgsql
as $$
begin
    perform set_config('app.email', wanted, true);
    return query
        select i.id, i.tenant_id from identity.invitation i
        where i.email = wanted and i.accepted_at is null and i.revoked_at is null and i.expires_at > now()
        order by i.created_at desc limit 1;
end
$$;

grant select, insert, delete on identity.oidc_attempt to patchbay_identity;
