-- A token that may do everything may use the types that a tenant defines as well.
-- The policy binds the owner too, who speaks for no tenant here.
alter table api_tokens no force row level security;
update api_tokens set scopes = scopes || ' resources:read resources:write'
where ' ' || scopes || ' ' not like '% resources:%'
    and ' ' || scopes || ' ' like '% users:read %'
    and ' ' || scopes || ' ' like '% users:write %'
    and ' ' || scopes || ' ' like '% groups:read %'
    and ' ' || scopes || ' ' like '% groups:write %'
    and ' ' || scopes || ' ' like '% usergroups:read %'
    and ' ' || scopes || ' ' like '% usergroups:write %'
    and ' ' || scopes || ' ' like '% roles:read %'
    and ' ' || scopes || ' ' like '% roles:write %'
    and ' ' || scopes || ' ' like '% bulk %'
    and ' ' || scopes || ' ' like '% changes:read %';
alter table api_tokens force row level security;
