update tenants
set settings = ((settings::jsonb - '{maxUsers,maxGroups,maxUsergroups,maxTokens}'::text[])
    || jsonb_build_object('quotas', jsonb_strip_nulls(jsonb_build_object(
        'users', settings::jsonb -> 'maxUsers',
        'groups', settings::jsonb -> 'maxGroups',
        'usergroups', settings::jsonb -> 'maxUsergroups',
        'tokens', settings::jsonb -> 'maxTokens'))))::text
where settings::jsonb ?| '{maxUsers,maxGroups,maxUsergroups,maxTokens}'::text[];
