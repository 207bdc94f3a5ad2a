-- The rows of one resource are added several at a time. Were the key looked at when such a statement is done, SQLite would keep a copy of
-- every page, to take the statement back. Only words of the definition change, which is what `writable_schema` is for.
pragma writable_schema = on;
update sqlite_schema set sql = replace(sql, 'on delete cascade', 'on delete cascade deferrable initially deferred')
    where type = 'table' and name = 'attribute_values';
pragma writable_schema = reset;
