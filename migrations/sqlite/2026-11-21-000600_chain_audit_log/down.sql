alter table tenant_counters drop column audit_hash;
alter table tenant_counters drop column audit_seq;
drop index audit_log_resource_idx;
drop index audit_log_seq_key;
alter table audit_log drop column hash;
alter table audit_log drop column seq;
