alter table epoch
    drop column place,
    drop column written_by;
