-- Identity: operators look for organisations.
set lock_timeout = '5s';

-- Organisations in the order of their ids, after `known`, whose name or slug has `search` in it or whose id begins with
-- it; all where that is empty.
create function identity.organisations_found(search text, known uuid, at_most integer)
returns table (id uuid, slug text, name text, created_at timestamptz, erased_at timestamptz) language plpgsql as $$
begin
    perform set_config('app.listing', 'organisations', true);
    return query
        select o.id, o.slug, o.name, o.created_at, o.erased_at
        from identity.organisation o
        where o.id > known and (search = '' or strpos(lower(o.name), lower(search)) > 0
            or strpos(o.slug, lower(search)) > 0 or starts_with(o.id::text, lower(search)))
        order by o.id
        limit at_most;
end
$$;
