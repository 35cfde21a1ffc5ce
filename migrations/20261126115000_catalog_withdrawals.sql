-- Prices that were set for later and withdrawn before, and paging through the record of changes.
set lock_timeout = '5s';

grant create on schema catalog to patchbay_catalog;
set role patchbay_catalog;

-- A price never changes; that it does not take effect is a row of its own.
create table catalog.price_withdrawal (
    price_id uuid primary key references catalog.price (id),
    -- The operator.
    actor text not null,
    withdrawn_at timestamptz not null default clock_timestamp()
);
create trigger immutable before update or delete on catalog.price_withdrawal
    for each row execute function catalog.refuse_change();
alter table catalog.price_withdrawal enable row level security;
alter table catalog.price_withdrawal force row level security;
create policy owner on catalog.price_withdrawal to patchbay_catalog using (true) with check (true);

create index change_subject on catalog.change (subject, id desc);

reset role;
revoke create on schema catalog from patchbay_catalog;
