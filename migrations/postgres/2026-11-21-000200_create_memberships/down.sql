drop table group_sizes;
drop table memberships;
