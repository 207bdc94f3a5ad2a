-- The same tables as on PostgreSQL. Ids are 16 bytes, times are UTC texts of one width, so that both sort as values.
create table tenants (
    id blob not null,
    slug text not null,
    name text not null,
    state text not null check (state in ('active', 'suspended', 'deleted')),
    settings text not null,
    created_at text not null,
    primary key (id),
    unique (slug)
) strict, without rowid;

create table tenant_counters (
    tenant_id blob not null references tenants (id),
    change_seq integer not null,
    primary key (tenant_id)
) strict, without rowid;

create table api_tokens (
    tenant_id blob not null references tenants (id),
    id blob not null,
    digest blob not null,
    name text not null,
    scopes text not null,
    role_ceiling text,
    created_at text not null,
    expires_at text,
    revoked_at text,
    primary key (tenant_id, id),
    unique (tenant_id, digest)
) strict, without rowid;
