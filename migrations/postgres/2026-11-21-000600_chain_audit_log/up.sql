-- Rows that are there already stay outside the chain: nobody can say any more whether they are what was written.
alter table audit_log add column seq bigint;
alter table audit_log add column hash bytea;
comment on column audit_log.seq is 'Place in the chain of the tenant, from 1 and without holes; null in rows of programs that knew of no chain.';
comment on column audit_log.hash is 'Version of the encoding (one byte), then SHA-256 over the hash of the row before and every other column of this one.';
create unique index audit_log_seq_key on audit_log (tenant_id, seq);
create index audit_log_resource_idx on audit_log (tenant_id, resource_id, seq);

alter table tenant_counters add column audit_seq bigint not null default 0;
alter table tenant_counters add column audit_hash bytea not null default ''::bytea;
comment on column tenant_counters.audit_seq is 'Place of the last row in the chain of the audit log, so that cutting off its end is found.';
comment on column tenant_counters.audit_hash is 'Hash of that row; empty before the first one.';
