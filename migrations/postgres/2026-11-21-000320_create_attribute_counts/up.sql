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
