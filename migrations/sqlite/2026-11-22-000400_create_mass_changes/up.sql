create table mass_changes (
    tenant_id blob not null references tenants (id),
    token_id blob not null,
    kind text not null check (kind in ('counted', 'warned', 'held')),
    user_id blob not null,
    at text not null,
    primary key (tenant_id, token_id, kind, user_id)
) strict, without rowid;
create index mass_changes_at_idx on mass_changes (tenant_id, token_id, kind, at);
