-- Rows that are there already stay outside the chain: nobody can say any more whether they are what was written.
alter table audit_log add column seq integer;
alter table audit_log add column hash blob;
create unique index audit_log_seq_key on audit_log (tenant_id, seq);
create index audit_log_resource_idx on audit_log (tenant_id, resource_id, seq);

alter table tenant_counters add column audit_seq integer not null default 0;
alter table tenant_counters add column audit_hash blob not null default x'';
