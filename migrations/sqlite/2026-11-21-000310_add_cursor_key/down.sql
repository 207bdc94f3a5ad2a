alter table tenants drop column cursor_key;
