-- Keys that apps got: they call models, and see and change nothing of a workspace's presets.
set lock_timeout = '5s';

-- Where the app lives, as people see it; empty = it has no address. Null = people made the key for themselves.
alter table identity.api_key add column app text check (length(app) <= 300);

-- Whoever migrates is bound to no tenant and need not be a superuser.
alter table identity.api_key no force row level security;
alter table identity.audit_log no force row level security;

-- Keys of apps that there are: the record of changes says of each exchange which key it made.
update identity.api_key k
set app = left(coalesce(a.details ->> 'app', ''), 300)
from identity.audit_log a
where a.action = 'auth_code.exchange' and a.tenant_id = k.tenant_id
    and a.details ->> 'key' ~ '^[0-9a-f]{64}$' and k.hash = decode(a.details ->> 'key', 'hex');

alter table identity.api_key force row level security;
alter table identity.audit_log force row level security;
