create table memberships (
    tenant_id blob not null,
    group_id blob not null,
    list text not null,
    user_id blob not null,
    primary key (tenant_id, list, group_id, user_id),
    foreign key (tenant_id, group_id) references resources (tenant_id, id) on delete cascade,
    foreign key (tenant_id, user_id) references resources (tenant_id, id) on delete cascade
) strict, without rowid;
create index memberships_user_idx on memberships (tenant_id, user_id, list, group_id);

create table group_sizes (
    tenant_id blob not null,
    group_id blob not null,
    members integer not null,
    primary key (tenant_id, group_id),
    foreign key (tenant_id, group_id) references resources (tenant_id, id) on delete cascade
) strict, without rowid;
