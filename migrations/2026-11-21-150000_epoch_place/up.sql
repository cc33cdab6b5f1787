-- Where an epoch began, so that a database put elsewhere is known for a copy.
--
-- A backup brings the epoch's row along. What says that it is not where it was written any more is the identity
-- of the cluster and of the database, and the transaction that wrote the row: a restored row is written anew.

alter table epoch
    add column place      text,
    add column written_by bigint;

comment on column epoch.place is 'The cluster, its timeline and the database in which the epoch began.';
comment on column epoch.written_by is 'The transaction that wrote this row, as xmin shows it.';
