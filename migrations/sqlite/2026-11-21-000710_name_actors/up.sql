-- Changes come not only from tokens of the tenant any more.
alter table audit_log rename column token_id to actor_id;
alter table audit_log add column actor_kind text;
create index audit_log_actor_idx on audit_log (tenant_id, actor_id, seq);
