-- Changes come not only from tokens of the tenant any more.
alter table audit_log rename column token_id to actor_id;
alter table audit_log add column actor_kind text;
comment on column audit_log.actor_kind is 'operator, token, platform, admin or nobody; null in rows of programs that knew of tokens and operators only.';
comment on column audit_log.actor_id is 'The credential or the account of the actor; null for operator and nobody.';
create index audit_log_actor_idx on audit_log (tenant_id, actor_id, seq);
