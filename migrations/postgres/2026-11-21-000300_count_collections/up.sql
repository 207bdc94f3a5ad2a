-- Two kinds of counters in one transaction: whoever writes waits till both are filled and the change feed is marked, so
-- that no change falls between them.
create table collection_blocks (
    tenant_id uuid not null,
    resource_type text collate "C" not null,
    from_created timestamptz not null,
    from_id uuid not null,
    live bigint not null,
    room bigint not null,
    constraint collection_blocks_pkey primary key (tenant_id, resource_type, from_created, from_id)
);
comment on table collection_blocks is 'Each collection cut into blocks in the order of creation, so that a page deep inside is found without counting up to it.';
comment on column collection_blocks.from_created is 'The block begins at this place, itself included; the first one at the beginning of time.';
comment on column collection_blocks.live is 'Living resources in the block. The sum over the blocks is collections.live.';
comment on column collection_blocks.room is 'How many more may be put into the block before it is cut.';

-- Whoever owns the tables is bound by forced row-level security as well and would see no rows.
alter table resources no force row level security;
with places as (
    select tenant_id, resource_type, created_at, id, deleted_at,
        row_number() over (partition by tenant_id, resource_type order by created_at, id) - 1 as place
    from resources
)
insert into collection_blocks (tenant_id, resource_type, from_created, from_id, live, room)
select tenant_id, resource_type,
    coalesce(min(created_at) filter (where place > 0 and place % 1000 = 0), timestamptz '1970-01-01 00:00:00+00'),
    coalesce(min(id::text) filter (where place > 0 and place % 1000 = 0), '00000000-0000-0000-0000-000000000000')::uuid,
    count(*) filter (where deleted_at is null), 1000 - count(*)
from places group by tenant_id, resource_type, place / 1000;
alter table resources force row level security;

alter table collection_blocks
    add constraint collection_blocks_tenant_fkey foreign key (tenant_id) references tenants (id);

alter table collection_blocks enable row level security;
alter table collection_blocks force row level security;
create policy collection_blocks_tenant on collection_blocks
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('collection_blocks', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
create table attribute_counts (
    tenant_id uuid not null,
    resource_type text collate "C" not null,
    path text collate "C" not null,
    holders bigint not null,
    constraint attribute_counts_pkey primary key (tenant_id, resource_type, path)
);
comment on table attribute_counts is 'How many living resources of a type have a first value at a path, so that a sorted list knows where nobody is without.';

-- Whoever owns the tables is bound by forced row-level security as well and would see no rows.
alter table attribute_values no force row level security;
insert into attribute_counts (tenant_id, resource_type, path, holders)
select tenant_id, resource_type, path, count(*) from attribute_values where ordinal = 0 group by tenant_id, resource_type, path;
alter table attribute_values force row level security;

alter table tenant_counters no force row level security;
alter table tenant_counters add column counted_seq bigint not null default 0;
update tenant_counters set counted_seq = change_seq;
alter table tenant_counters force row level security;
comment on column tenant_counters.counted_seq is 'Changes that have been counted in collection_blocks and attribute_counts. Less than change_seq: a program that knows neither has written since.';

alter table attribute_counts
    add constraint attribute_counts_tenant_fkey foreign key (tenant_id) references tenants (id);

alter table attribute_counts enable row level security;
alter table attribute_counts force row level security;
create policy attribute_counts_tenant on attribute_counts
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('attribute_counts', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
