create table requests (
    tenant_id uuid not null,
    id uuid not null,
    at timestamptz not null,
    request_id text collate "C" not null,
    token_id uuid,
    method text not null,
    path text collate "C" not null,
    status integer not null,
    scim_type text,
    reason text,
    resource_type text,
    resource_id uuid,
    duration_ms bigint not null,
    address text not null,
    user_agent text,
    body text,
    constraint requests_pkey primary key (tenant_id, id)
);
comment on table requests is 'The provisioning log: SCIM requests of the tenant, written beside them and kept for a while.';
comment on column requests.id is 'UUIDv7 of the time of arrival: its order is that of the log.';
comment on column requests.path is 'With the query; bounded, and without what looks like a secret.';
comment on column requests.status is 'What was answered; 499 when nobody was left to be answered.';
comment on column requests.reason is 'Why it failed, in the words of the reply; of a bulk request, why operations of it failed.';
comment on column requests.resource_id is 'What the path named, or what was made.';
comment on column requests.body is 'Only of failed ones: JSON without secrets, cut where it is long.';
create index requests_resource_idx on requests (tenant_id, resource_id, id);
create index requests_request_idx on requests (tenant_id, request_id);

alter table requests add constraint requests_tenant_fkey foreign key (tenant_id) references tenants (id);

alter table requests enable row level security;
alter table requests force row level security;
create policy requests_tenant on requests
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('requests', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
