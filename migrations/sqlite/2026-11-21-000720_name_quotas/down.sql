update tenants
set settings = json_patch(settings, json_object(
        'maxUsers', null, 'maxGroups', null, 'maxUsergroups', null, 'maxTokens', null,
        'quotas', json_patch('{}', json_object(
            'users', json_extract(settings, '$.maxUsers'),
            'groups', json_extract(settings, '$.maxGroups'),
            'usergroups', json_extract(settings, '$.maxUsergroups'),
            'tokens', json_extract(settings, '$.maxTokens')))))
where coalesce(json_extract(settings, '$.maxUsers'), json_extract(settings, '$.maxGroups'),
    json_extract(settings, '$.maxUsergroups'), json_extract(settings, '$.maxTokens')) is not null;
