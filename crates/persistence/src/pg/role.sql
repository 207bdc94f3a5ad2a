-- The server's own role: it owns nothing and row-level security binds it. Roles belong to the whole cluster, so two
-- databases may be set up at the same time: the loser of that race finds the role made.
do $$ begin
    if not exists (select from pg_roles where rolname = 'rollcall_server') then
        create role rollcall_server nologin nosuperuser nobypassrls nocreatedb nocreaterole;
    end if;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin
    if not pg_has_role(current_user, 'rollcall_server', 'member') then
        execute format('grant rollcall_server to %I', current_user);
    end if;
end $$;
do $$ begin
    execute format('grant usage on schema %I to rollcall_server', current_schema());
end $$;
grant select on __diesel_schema_migrations to rollcall_server;
grant select, insert, update on tenants, platform_tokens to rollcall_server;
grant select, update on credential_changes to rollcall_server;
grant select, insert, update, delete on mass_changes to rollcall_server;
grant select, insert, update, delete on signing_keys to rollcall_server;
grant select, insert, update, delete on tenant_counters, api_tokens, admins, admin_sessions, admin_links, admin_recovery_codes, collections, collection_blocks, resources, profile_keys,
    attribute_counts, attribute_values, memberships, group_sizes, tenant_schemas, unique_values to rollcall_server;
grant select, insert, delete on requests to rollcall_server;
-- What has been written here stays as it is, and goes only together with its tenant, or from the beginning of an audit log that
-- is kept for a time.
grant select, insert on audit_log, audit_bases, changes to rollcall_server;
grant execute on function remove_records to rollcall_server;
