create or replace function remove_records(room bigint) returns bigint language plpgsql security definer as $body$
declare
    own constant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    gone bigint;
    more bigint;
begin
    if not exists (select 1 from tenants where id = own and state = 'deleted') then
        return 0;
    end if;
    delete from changes
    where tenant_id = own and seq <= (
        select max(seq) from (select seq from changes where tenant_id = own order by seq limit room) oldest);
    get diagnostics gone = row_count;
    if gone < room then
        delete from audit_log
        where tenant_id = own and at <= (
            select max(at) from (select at from audit_log where tenant_id = own order by at limit room - gone) oldest);
        get diagnostics more = row_count;
        gone := gone + more;
    end if;
    return gone;
end $body$;
comment on function remove_records is 'Removes about so many records of the tenant of the transaction, if it is deleted, and gives how many.';
do $$ begin
    execute format('alter function remove_records set search_path = %I, pg_temp', current_schema());
end $$;

drop table audit_bases;
