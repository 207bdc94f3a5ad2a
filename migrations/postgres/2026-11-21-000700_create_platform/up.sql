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

-- What has been recorded stays as long as its tenant: the server may delete here, but only for a deleted one.
create policy audit_log_kept on audit_log as restrictive for delete
    using (exists (select 1 from tenants where tenants.id = audit_log.tenant_id and tenants.state = 'deleted'));
create policy changes_kept on changes as restrictive for delete
    using (exists (select 1 from tenants where tenants.id = changes.tenant_id and tenants.state = 'deleted'));

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_reference_table('platform_tokens');
end if; end $$;
