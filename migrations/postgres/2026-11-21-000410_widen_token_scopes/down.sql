-- The policy binds the owner too, who speaks for no tenant here.
alter table api_tokens no force row level security;
update api_tokens set scopes = trim(replace(replace(' ' || scopes || ' ', ' resources:read ', ' '), ' resources:write ', ' '));
alter table api_tokens force row level security;
