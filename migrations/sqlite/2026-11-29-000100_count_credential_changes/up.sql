create table credential_changes (
    place integer not null primary key check (place = 1),
    count integer not null
) strict;
insert into credential_changes (place, count) values (1, 0);
