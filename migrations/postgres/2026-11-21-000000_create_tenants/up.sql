-- Global: few rows, rarely written. No tenant table is referenced from here.
create table tenants (
    id uuid not null,
    slug text collate "C" not null,
    name text not null,
    state text collate "C" not null,
    settings text not null,
    created_at timestamptz not null,
    constraint tenants_pkey primary key (id),
    constraint tenants_slug_key unique (slug),
    constraint tenants_state_check check (state in ('active', 'suspended', 'deleted'))
);
comment on table tenants is 'Customers of the platform. A deleted one keeps its row and frees its slug.';
comment on column tenants.settings is 'JSON; every key optional.';

create table tenant_counters (
    tenant_id uuid not null,
    change_seq bigint not null,
    constraint tenant_counters_pkey primary key (tenant_id)
);
comment on table tenant_counters is 'The last position of the change feed of a tenant. Locked last in a transaction.';

create table api_tokens (
    tenant_id uuid not null,
    id uuid not null,
    digest bytea not null,
    name text not null,
    scopes text not null,
    role_ceiling text,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    constraint api_tokens_pkey primary key (tenant_id, id),
    constraint api_tokens_digest_key unique (tenant_id, digest)
);
comment on table api_tokens is 'API tokens. The text of a token is stored nowhere.';
comment on column api_tokens.digest is 'SHA-256 of the text of the token.';
comment on column api_tokens.scopes is 'Names of scopes, separated by blanks.';

alter table tenant_counters
    add constraint tenant_counters_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table api_tokens add constraint api_tokens_tenant_fkey foreign key (tenant_id) references tenants (id);

-- The second wall. The first one is the predicate in every query.
alter table tenant_counters enable row level security;
alter table tenant_counters force row level security;
create policy tenant_counters_tenant on tenant_counters
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
alter table api_tokens enable row level security;
alter table api_tokens force row level security;
create policy api_tokens_tenant on api_tokens
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

-- Where the cluster is distributed, every tenant lives on one shard group.
do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_reference_table('tenants');
    perform create_distributed_table('tenant_counters', 'tenant_id', colocate_with => 'none');
    perform create_distributed_table('api_tokens', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
