-- One statement, so that all of it is true for one moment.
select
    statement_timestamp() as "read_at!",
    (select number from catalog.version) as "version!",
    (select coalesce(jsonb_agg(to_jsonb(p) order by p.slug), '[]') from catalog.provider p)
        as "providers!: Json<Vec<Provider>>",
    (select coalesce(jsonb_agg(to_jsonb(c)), '[]')
     from (
         select distinct on (provider) id, provider, encode(sealed, 'hex') as sealed, hint, source
         from catalog.credential
         order by provider, created_at desc, id desc
     ) c) as "credentials!: Json<Vec<Credential>>",
    (select coalesce(jsonb_agg(to_jsonb(m) order by m.slug), '[]') from catalog.model m)
        as "models!: Json<Vec<Model>>",
    (select coalesce(jsonb_agg(to_jsonb(a) order by a.alias), '[]') from catalog.alias a)
        as "aliases!: Json<Vec<Alias>>",
    (select coalesce(jsonb_agg(to_jsonb(e) order by e.model, e.tag), '[]') from catalog.endpoint e)
        as "endpoints!: Json<Vec<Endpoint>>",
    (select coalesce(jsonb_agg(to_jsonb(v)), '[]')
     from (
         select distinct on (endpoint_id) id, endpoint_id, book, source
         from catalog.price
         where effective_at <= statement_timestamp()
             and not exists (select from catalog.price_withdrawal w where w.price_id = price.id)
         order by endpoint_id, effective_at desc, created_at desc, id desc
     ) v) as "prices!: Json<Vec<Price>>"
