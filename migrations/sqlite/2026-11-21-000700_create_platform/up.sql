-- Global: these credentials make tenants and belong to none.
create table platform_tokens (
    id blob not null,
    digest blob not null,
    name text not null,
    created_at text not null,
    expires_at text,
    revoked_at text,
    primary key (id),
    unique (digest)
) strict, without rowid;

alter table tenants add column purge_after text;
alter table tenants add column purge_remaining integer;
alter table tenants add column purged_at text;
