create table requests (
    tenant_id blob not null,
    id blob not null,
    at text not null,
    request_id text not null,
    token_id blob,
    method text not null,
    path text not null,
    status integer not null,
    scim_type text,
    reason text,
    resource_type text,
    resource_id blob,
    duration_ms integer not null,
    address text not null,
    user_agent text,
    body text,
    primary key (tenant_id, id),
    foreign key (tenant_id) references tenants (id)
) strict;
create index requests_resource_idx on requests (tenant_id, resource_id, id);
create index requests_request_idx on requests (tenant_id, request_id);
