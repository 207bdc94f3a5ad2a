-- Quotas are settings like all others now.
update tenants
set settings = ((settings::jsonb - 'quotas') || jsonb_strip_nulls(jsonb_build_object(
        'maxUsers', settings::jsonb #> '{quotas,users}',
        'maxGroups', settings::jsonb #> '{quotas,groups}',
        'maxUsergroups', settings::jsonb #> '{quotas,usergroups}',
        'maxTokens', settings::jsonb #> '{quotas,tokens}')))::text
where settings::jsonb -> 'quotas' is not null;
