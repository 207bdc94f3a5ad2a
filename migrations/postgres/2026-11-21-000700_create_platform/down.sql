drop function remove_records;
comment on table tenants is 'Customers of the platform. A deleted one keeps its row and frees its slug.';
alter table tenants drop column purged_at;
alter table tenants drop column purge_remaining;
alter table tenants drop column purge_after;
drop table platform_tokens;
