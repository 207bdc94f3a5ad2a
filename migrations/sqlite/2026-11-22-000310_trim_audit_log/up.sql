create table audit_bases (
    tenant_id blob not null,
    seq integer not null,
    hash blob not null,
    at text not null,
    primary key (tenant_id, seq),
    foreign key (tenant_id) references tenants (id)
) strict, without rowid;
