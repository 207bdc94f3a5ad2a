-- The other columns are carried and not searched: otherwise this index looks as good as the primary key for a question
-- about a group to a planner that knows nothing yet of a young table, and it reads the memberships of all users.
drop index memberships_user_idx;
create index memberships_user_idx on memberships (tenant_id, user_id) include (list, group_id);
