-- What an organisation says of its generations: one word on each, the last one.
set lock_timeout = '5s';

create table identity.generation_feedback (
    tenant_id uuid not null references identity.organisation (id),
    generation_id uuid not null,
    category text not null check (category in
        ('latency', 'incoherence', 'incorrect_response', 'formatting', 'billing', 'api_error', 'other')),
    comment text check (length(comment) <= 1000),
    -- Who said it last.
    actor text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, generation_id)
);

alter table identity.generation_feedback enable row level security;
alter table identity.generation_feedback force row level security;
create policy by_tenant on identity.generation_feedback to patchbay_identity
    using (tenant_id = (select identity.bound_tenant()));

grant select, insert, update, delete on identity.generation_feedback to patchbay_identity;
