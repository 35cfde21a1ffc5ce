-- The erasure of an organisation: what is its people's goes, what the books need stays without names.
set lock_timeout = '5s';

alter table identity.organisation add column erased_at timestamptz;

-- The details of changes are the one thing in the record that may go, with the salt that they are committed to with,
-- and only those of an organisation that is erased.
create function identity.audit_is_kept() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.details = '{}' and new.salt is null
        and to_jsonb(new) - 'details' - 'salt' = to_jsonb(old) - 'details' - 'salt'
        and exists (select from identity.erasure e where e.tenant_id = old.tenant_id)
    then
        return new;
    end if;
    raise exception '% rows are immutable', tg_table_name using errcode = 'restrict_violation';
end
$$;

create trigger audit_log_is_kept before update or delete on identity.audit_log
    for each row execute function identity.audit_is_kept();

-- The owner of the tables, for whom the function below works, sees what is erased.
do $$
declare
    v_table text;
begin
    foreach v_table in array array['audit_log', 'erasure'] loop
        execute format('create policy erasing on identity.%I to %I
            using (tenant_id = (select identity.bound_tenant()))', v_table, current_user);
    end loop;
end
$$;

-- Takes the details of the bound organisation's changes away. How many.
create function identity.erase_audit_details() returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_erased bigint;
begin
    update identity.audit_log l set details = '{}', salt = null
    where l.tenant_id = identity.bound_tenant() and l.salt is not null;
    get diagnostics v_erased = row_count;
    return v_erased;
end
$$;
revoke all on function identity.erase_audit_details() from public;
grant execute on function identity.erase_audit_details() to patchbay_identity;

-- Sessions in the organisation end, whoever's they are.
create policy erasing on identity.session to patchbay_identity
    using (tenant_id = (select identity.bound_tenant())
           and (select current_setting('app.erasing', true)) = 'people');

-- Erases the people of the bound organisation who belong to no other and are no administrators of the platform: the
-- row stays, since what they made refers to it, and says nothing any more. How many.
create function identity.erase_people() returns bigint
    language plpgsql
as $$
declare
    v_tenant uuid := identity.bound_tenant();
    v_person uuid;
    v_email text;
    v_erased bigint := 0;
begin
    perform set_config('app.erasing', 'people', true);
    perform set_config('app.mail', 'outbox', true);
    -- Who was invited and is nobody here.
    delete from identity.mail m where m.recipient in (
        select i.email from identity.invitation i where i.tenant_id = v_tenant and i.accepted_at is null);
    for v_person in select m.person_id from identity.member m where m.tenant_id = v_tenant loop
        perform set_config('app.person', v_person::text, true);
        continue when exists (select from identity.member m
            where m.person_id = v_person and m.tenant_id <> v_tenant);
        select p.email into v_email from identity.person p where p.id = v_person and not p.is_platform_admin;
        continue when not found;
        delete from identity.mail m where m.recipient = v_email;
        delete from identity.session s where s.person_id = v_person;
        delete from identity.password_reset r where r.person_id = v_person;
        update identity.person p
        set email = 'erased-' || p.id || '@erased.invalid', name = '', password_hash = null, oidc_issuer = null,
            oidc_subject = null, disabled_at = now(), updated_at = now(), last_sign_in_at = null
        where p.id = v_person;
        v_erased := v_erased + 1;
    end loop;
    perform set_config('app.person', '', true);
    delete from identity.session s where s.tenant_id = v_tenant;
    perform set_config('app.mail', '', true);
    perform set_config('app.erasing', '', true);
    return v_erased;
end
$$;

-- Erasures that something is still on its way for.
create function identity.unfinished_erasures() returns setof uuid
    language plpgsql
as $$
begin
    perform set_config('app.auditing', 'operators', true);
    return query select e.tenant_id from identity.erasure e where e.finished_at is null order by e.requested_at;
end
$$;

-- Guardrails and presets go with their workspace, everything with its organisation.
grant delete on identity.preset, identity.preset_version, identity.invitation to patchbay_identity;
