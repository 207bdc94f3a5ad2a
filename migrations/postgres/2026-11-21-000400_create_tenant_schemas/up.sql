alter table tenant_counters add column schema_revision bigint not null default 0;
comment on column tenant_counters.schema_revision is 'How often the tenant has changed its definitions; a change of a resource that was judged by older ones is not stored.';

create table tenant_schemas (
    tenant_id uuid not null,
    kind text collate "C" not null,
    id_key text collate "C" not null,
    definition text not null,
    constraint tenant_schemas_pkey primary key (tenant_id, kind, id_key),
    constraint tenant_schemas_kind_check check (kind in ('schema', 'resourceType'))
);
comment on table tenant_schemas is 'Schemas and resource types that a tenant has defined itself: data, no tables of their own.';
comment on column tenant_schemas.id_key is 'The URN of a schema, the name of a resource type; folded by the service.';
comment on column tenant_schemas.definition is 'JSON in canonical form, every characteristic spelled out.';

create table unique_values (
    tenant_id uuid not null,
    resource_type text collate "C" not null,
    path text collate "C" not null,
    key text collate "C" not null,
    resource_id uuid not null,
    constraint unique_values_pkey primary key (tenant_id, resource_type, path, key)
);
comment on table unique_values is 'One row per value of a living resource that no other one of its type may have.';
comment on column unique_values.path is 'As in attribute_values.';
comment on column unique_values.key is 'As in attribute_values: a long one is cut and ends with a digest of the whole.';
create index unique_values_resource_idx on unique_values (tenant_id, resource_id);

-- Not tied to resources: new definitions fill it while other transactions hold locks on those rows.
alter table tenant_schemas add constraint tenant_schemas_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table unique_values add constraint unique_values_tenant_fkey foreign key (tenant_id) references tenants (id);

alter table tenant_schemas enable row level security;
alter table tenant_schemas force row level security;
create policy tenant_schemas_tenant on tenant_schemas
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
alter table unique_values enable row level security;
alter table unique_values force row level security;
create policy unique_values_tenant on unique_values
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('tenant_schemas', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('unique_values', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
