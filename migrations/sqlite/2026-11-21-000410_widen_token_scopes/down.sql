update api_tokens set scopes = trim(replace(replace(' ' || scopes || ' ', ' resources:read ', ' '), ' resources:write ', ' '));
