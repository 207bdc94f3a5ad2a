create table credential_changes (
    place integer not null,
    count bigint not null,
    constraint credential_changes_pkey primary key (place),
    constraint credential_changes_place_check check (place = 1)
);
comment on table credential_changes is 'Global: one row. How often what a token finds has been changed, all tenants together: the token, its tenant, or what that has defined. Locked last in a transaction. Not used on a cluster.';
insert into credential_changes (place, count) values (1, 0);
