-- Keys: rotation with overlap, and the addresses that a key may be used from.
set lock_timeout = '5s';

alter table identity.api_key
    -- SHA-256 of the key's secret since it was rotated. Null = never: the secret is the first one. `hash` stays the hash of
    -- the first one, and with it the key's public name, for good.
    add column secret_hash bytea unique check (octet_length(secret_hash) = 32),
    -- The secret before the last rotation, and until when it is in force beside the present one.
    add column previous_hash bytea unique check (octet_length(previous_hash) = 32),
    add column previous_until timestamptz,
    add column rotated_at timestamptz,
    -- Addresses and networks in CIDR notation. Null = any.
    add column allowed_ips text[] check (cardinality(allowed_ips) between 1 and 100),
    add constraint api_key_previous_ends check ((previous_hash is null) = (previous_until is null));

create index api_key_by_workspace on identity.api_key (tenant_id, workspace_id, created_at)
    where deleted_at is null;

drop trigger api_key_changed on identity.api_key;
create trigger api_key_changed
    after insert or update of workspace_id, disabled, rate_limit_rpm, limit_nanos, limit_reset, expires_at, deleted_at, name,
        label, secret_hash, previous_hash, previous_until, allowed_ips
    on identity.api_key
    for each row execute function identity.key_changed();

-- A session may read the key that it can name, or whose secret it knows.
drop policy by_hash on identity.api_key;
create policy by_hash on identity.api_key for select to patchbay_identity
    using (hash = (select identity.named_hash())
        or secret_hash = (select identity.named_hash())
        or previous_hash = (select identity.named_hash()));

-- A key by the hash of a secret of it that is in force.
drop function identity.key_by_hash(bytea);
create function identity.key_by_hash(wanted bytea) returns setof identity.api_key
    language plpgsql
as $$
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    return query
        select k.* from identity.api_key k
        where k.deleted_at is null
            and ((k.hash = wanted and k.secret_hash is null) or k.secret_hash = wanted
                or (k.previous_hash = wanted and k.previous_until > now()));
end
$$;

-- A key by its public name, or by the hash of a secret of it that is in force.
create function identity.key_named(wanted bytea) returns setof identity.api_key
    language plpgsql
as $$
begin
    perform set_config('app.hash', encode(wanted, 'hex'), true);
    return query
        select k.* from identity.api_key k
        where k.deleted_at is null
            and (k.hash = wanted or k.secret_hash = wanted
                or (k.previous_hash = wanted and k.previous_until > now()));
end
$$;

create or replace view report.keys with (security_invoker = true) as
select encode(k.hash, 'hex') as hash, k.id as key_id, k.tenant_id, k.workspace_id, k.kind, k.label, k.name,
       k.disabled, k.rate_limit_rpm, k.limit_nanos, k.limit_reset, k.expires_at, k.created_at, k.last_used_at,
       k.deleted_at, k.creator_person_id, k.creator, k.rotated_at, k.previous_until, k.allowed_ips
from identity.api_key k;

grant select (creator_person_id, creator, rotated_at, previous_until, allowed_ips) on identity.api_key to patchbay_report;
