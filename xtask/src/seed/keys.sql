-- Made-up keys of an organisation, whose secrets nobody has. Parameter: the organisation.
insert into identity.api_key (id, tenant_id, workspace_id, hash, kind, label, name, creator_person_id)
select md5('seed key ' || $1::uuid || n)::uuid, $1, w.id, sha256(convert_to('seed key ' || $1 || n, 'UTF8')), 'inference',
    'sk-pb-v1-seed...' || lpad(n::text, 3, '0'), 'Seed ' || n,
    case when n < 5 then (select m.person_id from identity.member m where m.tenant_id = $1 order by m.created_at limit 1) end
from identity.workspace w, generate_series(0, 20) n
where w.tenant_id = $1 and w.is_default
on conflict do nothing
