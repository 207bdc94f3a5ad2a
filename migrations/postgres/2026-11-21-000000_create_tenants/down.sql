drop table api_tokens;
drop table tenant_counters;
drop table tenants;
