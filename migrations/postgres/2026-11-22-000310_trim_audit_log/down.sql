drop policy audit_log_kept on audit_log;
create policy audit_log_kept on audit_log as restrictive for delete
    using (exists (select 1 from tenants where tenants.id = audit_log.tenant_id and tenants.state = 'deleted'));
drop table audit_bases;
