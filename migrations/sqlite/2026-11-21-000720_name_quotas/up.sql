-- Quotas are settings like all others now. A merge with null removes a key.
update tenants
set settings = json_patch(settings, json_object(
        'quotas', null,
        'maxUsers', json_extract(settings, '$.quotas.users'),
        'maxGroups', json_extract(settings, '$.quotas.groups'),
        'maxUsergroups', json_extract(settings, '$.quotas.usergroups'),
        'maxTokens', json_extract(settings, '$.quotas.tokens')))
where json_extract(settings, '$.quotas') is not null;
