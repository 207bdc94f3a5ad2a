drop index memberships_user_idx;
create index memberships_user_idx on memberships (tenant_id, user_id, list, group_id);
