alter table tenant_counters add column schema_revision integer not null default 0;

create table tenant_schemas (
    tenant_id blob not null references tenants (id),
    kind text not null check (kind in ('schema', 'resourceType')),
    id_key text not null,
    definition text not null,
    primary key (tenant_id, kind, id_key)
) strict, without rowid;

create table unique_values (
    tenant_id blob not null references tenants (id),
    resource_type text not null,
    path text not null,
    key text not null,
    resource_id blob not null,
    primary key (tenant_id, resource_type, path, key)
) strict, without rowid;
create index unique_values_resource_idx on unique_values (tenant_id, resource_id);
