-- Workspaces: what they say for requests that leave it open, and what may not be taken away while keys need it.
set lock_timeout = '5s';

-- Where a workspace says nothing, its organisation does.
alter table identity.organisation
    add column default_text_model text check (length(default_text_model) between 1 and 256),
    add column default_image_model text check (length(default_image_model) between 1 and 256),
    add column default_provider_sort text
        check (default_provider_sort in ('price', 'throughput', 'latency', 'exacto')),
    add column updated_at timestamptz not null default now();

alter table identity.workspace
    add column description text check (length(description) <= 500),
    add column default_text_model text check (length(default_text_model) between 1 and 256),
    add column default_image_model text check (length(default_image_model) between 1 and 256),
    add column default_provider_sort text
        check (default_provider_sort in ('price', 'throughput', 'latency', 'exacto')),
    -- The platform's own tools that requests may not name.
    add column disabled_server_tools text[] not null default '{}',
    add column is_io_logged boolean not null default false,
    -- The share of requests whose content is kept, where it is kept at all.
    add column io_logging_sampling_rate double precision not null default 1
        check (io_logging_sampling_rate between 0.0001 and 1),
    -- Null = of all keys.
    add column io_logging_api_key_ids bigint[],
    add column is_broadcast boolean not null default false,
    add column is_data_discount_logged boolean not null default false,
    add column creator_person_id uuid references identity.person (id),
    add column updated_at timestamptz not null default now(),
    -- The row stays: usage, and keys that are no more, refer to it.
    add column deleted_at timestamptz,
    add check (not (is_default and deleted_at is not null));

-- The slug of a workspace that is no more is free again.
alter table identity.workspace drop constraint workspace_tenant_id_slug_key;
create unique index workspace_by_slug on identity.workspace (tenant_id, slug) where deleted_at is null;

create index api_key_by_creator on identity.api_key (tenant_id, creator_person_id)
    where deleted_at is null and creator_person_id is not null;

-- A key is made in a workspace that exists, by a member, and neither is taken away meanwhile: whoever takes it away
-- locks its row first and looks for keys then.
create function identity.key_has_a_place() returns trigger
    language plpgsql
as $$
begin
    perform from identity.workspace w
    where w.tenant_id = new.tenant_id and w.id = new.workspace_id and w.deleted_at is null for key share;
    if not found then
        raise foreign_key_violation using message = 'the workspace of a key does not exist';
    end if;
    if new.creator_person_id is not null then
        perform from identity.member m
        where m.tenant_id = new.tenant_id and m.person_id = new.creator_person_id for key share;
        if not found then
            raise foreign_key_violation using message = 'whoever made a key is no member';
        end if;
    end if;
    return new;
end
$$;

create trigger api_key_has_a_place
    before insert or update of workspace_id, creator_person_id on identity.api_key
    for each row execute function identity.key_has_a_place();
