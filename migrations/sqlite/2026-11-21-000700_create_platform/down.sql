alter table tenants drop column purged_at;
alter table tenants drop column purge_remaining;
alter table tenants drop column purge_after;
drop table platform_tokens;
