create table collections (
    tenant_id blob not null references tenants (id),
    resource_type text not null,
    live integer not null,
    primary key (tenant_id, resource_type)
) strict, without rowid;

-- With a rowid: documents are large, and a tree of keys alone is smaller to search.
create table resources (
    tenant_id blob not null references tenants (id),
    id blob not null,
    resource_type text not null,
    name_key text not null,
    name text not null,
    display text,
    external_id text,
    document text not null,
    version integer not null,
    created_at text not null,
    modified_at text not null,
    deleted_at text,
    primary key (tenant_id, id)
) strict;
create unique index resources_name_key on resources (tenant_id, resource_type, name_key) where deleted_at is null;
create unique index resources_external_id_key on resources (tenant_id, resource_type, external_id)
    where deleted_at is null and external_id is not null;
create index resources_created_idx on resources (tenant_id, resource_type, created_at, id) where deleted_at is null;
create index resources_modified_idx on resources (tenant_id, resource_type, modified_at, id) where deleted_at is null;
create index resources_tombstone_name_idx on resources (tenant_id, resource_type, name_key) where deleted_at is not null;
create index resources_tombstone_external_idx on resources (tenant_id, resource_type, external_id)
    where deleted_at is not null and external_id is not null;

create table attribute_values (
    tenant_id blob not null,
    resource_id blob not null,
    path text not null,
    ordinal integer not null,
    resource_type text not null,
    key text not null,
    full_key text,
    primary key (tenant_id, resource_id, path, ordinal),
    foreign key (tenant_id, resource_id) references resources (tenant_id, id) on delete cascade
) strict, without rowid;
create index attribute_values_key_idx on attribute_values (tenant_id, resource_type, path, key, resource_id, ordinal);

create table profile_keys (
    tenant_id blob not null references tenants (id),
    name_key text not null,
    name text not null,
    kind text not null,
    primary key (tenant_id, name_key)
) strict, without rowid;

create table audit_log (
    tenant_id blob not null references tenants (id),
    at text not null,
    id blob not null,
    token_id blob,
    action text not null,
    resource_type text not null,
    resource_id blob not null,
    old_version integer,
    new_version integer not null,
    attributes text not null,
    request_id text not null,
    address text not null,
    warning text,
    primary key (tenant_id, at, id)
) strict, without rowid;

create table changes (
    tenant_id blob not null references tenants (id),
    seq integer not null,
    at text not null,
    action text not null,
    resource_type text not null,
    resource_id blob not null,
    version integer not null,
    primary key (tenant_id, seq)
) strict, without rowid;
