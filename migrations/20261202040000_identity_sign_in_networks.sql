-- Where people signed in from lately, so that guesses from elsewhere do not keep them out there.
set lock_timeout = '5s';

-- For twice as long as a session lasts.
create table identity.sign_in_network (
    -- Of an e-mail address and a network, under a key that the database does not have.
    hash bytea primary key check (octet_length(hash) = 32),
    seen_at timestamptz not null default now()
);

create index sign_in_network_by_seen on identity.sign_in_network (seen_at);

alter table identity.sign_in_network enable row level security;
alter table identity.sign_in_network force row level security;
create policy by_hash on identity.sign_in_network to patchbay_identity
    using (hash = (select identity.named_hash()));
create policy ended on identity.sign_in_network for select to patchbay_identity
    using (seen_at < now() - interval '60 days');
create policy ended_goes on identity.sign_in_network for delete to patchbay_identity
    using (seen_at < now() - interval '60 days');

-- Whether somebody signed in there within 60 days.
create function identity.is_sign_in_network(wanted bytea) returns boolean
    language plpgsql
as $$
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    return exists (select from identity.sign_in_network n
        where n.hash = wanted and n.seen_at > now() - interval '60 days');
end
$$;

create function identity.remember_sign_in_network(wanted bytea) returns void
    language plpgsql
as $$
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    insert into identity.sign_in_network (hash) values (wanted)
    on conflict (hash) do update set seen_at = now();
end
$$;

-- As before, and the networks.
create or replace function identity.forget_ended() returns void
    language sql
as $$
    delete from identity.session where expires_at < now() - interval '7 days';
    delete from identity.password_reset where expires_at < now() - interval '7 days';
    delete from identity.sign_in_network where seen_at < now() - interval '60 days';
$$;

grant select, insert, update, delete on identity.sign_in_network to patchbay_identity;
