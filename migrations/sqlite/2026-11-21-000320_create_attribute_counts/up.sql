create table attribute_counts (
    tenant_id blob not null references tenants (id),
    resource_type text not null,
    path text not null,
    holders integer not null,
    primary key (tenant_id, resource_type, path)
) strict, without rowid;

insert into attribute_counts (tenant_id, resource_type, path, holders)
select tenant_id, resource_type, path, count(*) from attribute_values where ordinal = 0 group by tenant_id, resource_type, path;

alter table tenant_counters add column counted_seq integer not null default 0;
update tenant_counters set counted_seq = change_seq;
