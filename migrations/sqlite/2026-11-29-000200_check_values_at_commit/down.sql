pragma writable_schema = on;
update sqlite_schema set sql = replace(sql, 'on delete cascade deferrable initially deferred', 'on delete cascade')
    where type = 'table' and name = 'attribute_values';
pragma writable_schema = reset;
