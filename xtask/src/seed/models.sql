-- Made-up models, each with one endpoint like those of real ones and a price. Parameter: how many.
with likeness as materialized (
    select m as model, e as endpoint, p.book, row_number() over (order by e.id) - 1 as n
    from catalog.endpoint e join catalog.model m on m.slug = e.model
    join lateral (select * from catalog.price p where p.endpoint_id = e.id order by effective_at desc limit 1) p on true
    where not e.disabled and not m.disabled and m.slug not like 'seed/%' and 'text' = any (m.output_modalities)
), made as materialized (
    select l.*, 'seed/model-' || lpad(x.n::text, 4, '0') as slug, md5('patchbay/seed endpoint ' || x.n)::uuid as id, x.n as place
    from generate_series(1, $1::integer) x(n)
    join likeness l on l.n = x.n % (select count(*) from likeness)
), models as (
    insert into catalog.model
    select (jsonb_populate_record(m.model, jsonb_build_object('slug', m.slug, 'canonical_slug', m.slug,
        'name', 'Seed: Model ' || m.place, 'seeded', null))).*
    from made m on conflict do nothing
), endpoints as (
    insert into catalog.endpoint
    select (jsonb_populate_record(m.endpoint, jsonb_build_object('id', m.id, 'model', m.slug, 'seeded', null))).*
    from made m on conflict do nothing
), prices as (
    insert into catalog.price (id, endpoint_id, book, source)
    select md5('patchbay/seed price ' || m.place)::uuid, m.id, m.book, 'catalogue' from made m on conflict do nothing
)
update catalog.version set number = number + 1, changed_at = now()
