create table collections (
    tenant_id uuid not null,
    resource_type text collate "C" not null,
    live bigint not null,
    constraint collections_pkey primary key (tenant_id, resource_type)
);
comment on table collections is 'How many living resources of a type a tenant has, so that nobody counts them.';

create table resources (
    tenant_id uuid not null,
    id uuid not null,
    resource_type text collate "C" not null,
    name_key text collate "C" not null,
    name text not null,
    display text,
    external_id text collate "C",
    document text not null,
    version bigint not null,
    created_at timestamptz not null,
    modified_at timestamptz not null,
    deleted_at timestamptz,
    constraint resources_pkey primary key (tenant_id, id)
);
comment on table resources is 'Users and every other SCIM resource. A deleted one stays as a tombstone.';
comment on column resources.name_key is 'The unique name (userName), folded by the service.';
comment on column resources.name is 'The unique name as written, for lists of members that read no documents.';
comment on column resources.display is 'The display name, for the same.';
comment on column resources.document is 'The attributes as JSON text. The database never looks inside.';
create unique index resources_name_key on resources (tenant_id, resource_type, name_key) where deleted_at is null;
create unique index resources_external_id_key on resources (tenant_id, resource_type, external_id)
    where deleted_at is null and external_id is not null;
create index resources_created_idx on resources (tenant_id, resource_type, created_at, id) where deleted_at is null;
create index resources_modified_idx on resources (tenant_id, resource_type, modified_at, id) where deleted_at is null;
create index resources_tombstone_name_idx on resources (tenant_id, resource_type, name_key) where deleted_at is not null;
create index resources_tombstone_external_idx on resources (tenant_id, resource_type, external_id)
    where deleted_at is not null and external_id is not null;

create table attribute_values (
    tenant_id uuid not null,
    resource_id uuid not null,
    path text collate "C" not null,
    ordinal integer not null,
    resource_type text collate "C" not null,
    key text collate "C" not null,
    full_key text collate "C",
    constraint attribute_values_pkey primary key (tenant_id, resource_id, path, ordinal)
);
comment on table attribute_values is 'One row per simple value of a living resource: any attribute is filtered and sorted here.';
comment on column attribute_values.path is 'Lower case: attribute, or attribute.sub-attribute, after the URN of an extension.';
comment on column attribute_values.ordinal is 'The element of a multi-valued attribute; 0 is the primary one.';
comment on column attribute_values.key is 'The comparable form: a tag for the kind, then the value; cut when long.';
comment on column attribute_values.full_key is 'The whole key, where key had to be cut.';
create index attribute_values_key_idx on attribute_values (tenant_id, resource_type, path, key, resource_id, ordinal);

create table profile_keys (
    tenant_id uuid not null,
    name_key text collate "C" not null,
    name text not null,
    kind text collate "C" not null,
    constraint profile_keys_pkey primary key (tenant_id, name_key)
);
comment on table profile_keys is 'The profile keys a tenant has used, as its schema announces them.';

create table audit_log (
    tenant_id uuid not null,
    at timestamptz not null,
    id uuid not null,
    token_id uuid,
    action text collate "C" not null,
    resource_type text collate "C" not null,
    resource_id uuid not null,
    old_version bigint,
    new_version bigint not null,
    attributes text not null,
    request_id text not null,
    address text not null,
    warning text,
    constraint audit_log_pkey primary key (tenant_id, at, id)
);
comment on table audit_log is 'Who changed what and when; appended in the transaction of the change.';
comment on column audit_log.attributes is 'Names of the changed attributes, separated by blanks; values are not kept.';

create table changes (
    tenant_id uuid not null,
    seq bigint not null,
    at timestamptz not null,
    action text collate "C" not null,
    resource_type text collate "C" not null,
    resource_id uuid not null,
    version bigint not null,
    constraint changes_pkey primary key (tenant_id, seq)
);
comment on table changes is 'The change feed: positions of a tenant have no holes and stand in commit order.';

alter table collections add constraint collections_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table resources add constraint resources_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table attribute_values add constraint attribute_values_resource_fkey
    foreign key (tenant_id, resource_id) references resources (tenant_id, id) on delete cascade;
alter table profile_keys add constraint profile_keys_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table audit_log add constraint audit_log_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table changes add constraint changes_tenant_fkey foreign key (tenant_id) references tenants (id);

alter table collections enable row level security;
alter table collections force row level security;
create policy collections_tenant on collections
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
alter table resources enable row level security;
alter table resources force row level security;
create policy resources_tenant on resources
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
alter table attribute_values enable row level security;
alter table attribute_values force row level security;
create policy attribute_values_tenant on attribute_values
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
alter table profile_keys enable row level security;
alter table profile_keys force row level security;
create policy profile_keys_tenant on profile_keys
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
alter table audit_log enable row level security;
alter table audit_log force row level security;
create policy audit_log_tenant on audit_log
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
alter table changes enable row level security;
alter table changes force row level security;
create policy changes_tenant on changes
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('collections', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('resources', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('attribute_values', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('profile_keys', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('audit_log', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('changes', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
