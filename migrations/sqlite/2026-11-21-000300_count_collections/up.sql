create table collection_blocks (
    tenant_id blob not null references tenants (id),
    resource_type text not null,
    from_created text not null,
    from_id blob not null,
    live integer not null,
    room integer not null,
    primary key (tenant_id, resource_type, from_created, from_id)
) strict, without rowid;

with places as (
    select tenant_id, resource_type, created_at, id, deleted_at,
        row_number() over (partition by tenant_id, resource_type order by created_at, id) - 1 as place
    from resources
)
insert into collection_blocks (tenant_id, resource_type, from_created, from_id, live, room)
select tenant_id, resource_type,
    coalesce(min(created_at) filter (where place > 0 and place % 1000 = 0), '1970-01-01T00:00:00.000000Z'),
    coalesce(min(id) filter (where place > 0 and place % 1000 = 0), x'00000000000000000000000000000000'),
    count(*) filter (where deleted_at is null), 1000 - count(*)
from places group by tenant_id, resource_type, place / 1000;
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
