create table memberships (
    tenant_id uuid not null,
    group_id uuid not null,
    list text collate "C" not null,
    user_id uuid not null,
    constraint memberships_pkey primary key (tenant_id, list, group_id, user_id)
);
comment on table memberships is 'Who is in which list of which group; one row each, so that a change costs what it changes.';
comment on column memberships.list is 'members or owners.';
create index memberships_user_idx on memberships (tenant_id, user_id, list, group_id);

create table group_sizes (
    tenant_id uuid not null,
    group_id uuid not null,
    members bigint not null,
    constraint group_sizes_pkey primary key (tenant_id, group_id)
);
comment on table group_sizes is 'How many members a group has, so that nobody counts them. Changes under the lock of the group.';

alter table memberships add constraint memberships_group_fkey
    foreign key (tenant_id, group_id) references resources (tenant_id, id) on delete cascade;
alter table memberships add constraint memberships_user_fkey
    foreign key (tenant_id, user_id) references resources (tenant_id, id) on delete cascade;
alter table group_sizes add constraint group_sizes_group_fkey
    foreign key (tenant_id, group_id) references resources (tenant_id, id) on delete cascade;

alter table memberships enable row level security;
alter table memberships force row level security;
create policy memberships_tenant on memberships
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
alter table group_sizes enable row level security;
alter table group_sizes force row level security;
create policy group_sizes_tenant on group_sizes
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('memberships', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('group_sizes', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
