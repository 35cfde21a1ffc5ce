-- Plugins that a workspace, or its organisation, gives requests that leave them open.
set lock_timeout = '5s';

-- Entries as in the member `plugins` of a request; null = none. Where they are final, nobody below replaces them.
alter table identity.workspace
    add column default_plugins jsonb check (jsonb_typeof(default_plugins) = 'array'),
    add column are_plugins_final boolean not null default false;
alter table identity.organisation
    add column default_plugins jsonb check (jsonb_typeof(default_plugins) = 'array'),
    add column are_plugins_final boolean not null default false;
