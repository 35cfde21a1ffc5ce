-- One role and one schema per owner. Roles belong to the whole server, so they may exist already.
set lock_timeout = '5s';

do $$
declare
    wanted text;
begin
    foreach wanted in array array['patchbay_identity', 'patchbay_catalog', 'patchbay_billing', 'patchbay_report'] loop
        begin
            execute format('create role %I nologin nobypassrls', wanted);
        exception when duplicate_object or unique_violation then
            null;
        end;
        begin
            execute format('grant %I to current_user', wanted);
        exception when others then
            -- Two databases of one server being migrated at once; the other one grants it.
            if not pg_has_role(current_user, wanted, 'member') then
                raise;
            end if;
        end;
    end loop;
end
$$;

create schema identity;
create schema catalog;
create schema billing;
create schema report;

grant usage on schema identity to patchbay_identity;
grant usage on schema catalog to patchbay_catalog;
grant usage on schema billing to patchbay_billing;
grant usage on schema report to patchbay_report, patchbay_billing;
