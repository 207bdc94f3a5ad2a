drop index audit_log_actor_idx;
alter table audit_log drop column actor_kind;
alter table audit_log rename column actor_id to token_id;
