drop table unique_values;
drop table tenant_schemas;
alter table tenant_counters drop column schema_revision;
