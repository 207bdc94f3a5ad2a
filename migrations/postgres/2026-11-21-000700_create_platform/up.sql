-- Global: these credentials make tenants and belong to none.
create table platform_tokens (
    id uuid not null,
    digest bytea not null,
    name text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    constraint platform_tokens_pkey primary key (id),
    constraint platform_tokens_digest_key unique (digest)
);
comment on table platform_tokens is 'Credentials of the hosting platform. The text of a token is stored nowhere.';
comment on column platform_tokens.digest is 'SHA-256 of the text of the token.';

alter table tenants add column purge_after timestamptz;
alter table tenants add column purge_remaining bigint;
alter table tenants add column purged_at timestamptz;
comment on table tenants is 'Customers of the platform. A deleted one keeps its row, without its name once it is purged, and frees its slug.';
comment on column tenants.purge_after is 'When the data of a deleted tenant may go; null: only when somebody asks for it.';
comment on column tenants.purge_remaining is 'Rows that are left, once the purge has begun.';
comment on column tenants.purged_at is 'When no row of the tenant was left.';

-- What has been recorded stays as long as its tenant, so the server has no right to delete it. This function is its only way,
-- and it looks for itself whether the tenant of the transaction is deleted.
create function remove_records(room bigint) returns bigint language plpgsql security definer as $body$
declare
    own constant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    gone bigint;
    more bigint;
begin
    if not exists (select 1 from tenants where id = own and state = 'deleted') then
        return 0;
    end if;
    delete from changes
    where tenant_id = own and seq <= (
        select max(seq) from (select seq from changes where tenant_id = own order by seq limit room) oldest);
    get diagnostics gone = row_count;
    if gone < room then
        delete from audit_log
        where tenant_id = own and at <= (
            select max(at) from (select at from audit_log where tenant_id = own order by at limit room - gone) oldest);
        get diagnostics more = row_count;
        gone := gone + more;
    end if;
    return gone;
end $body$;
comment on function remove_records is 'Removes about so many records of the tenant of the transaction, if it is deleted, and gives how many.';
do $$ begin
    execute format('alter function remove_records set search_path = %I, pg_temp', current_schema());
end $$;
revoke execute on function remove_records from public;

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_reference_table('platform_tokens');
end if; end $$;
