-- The epoch: a random value that every cursor carries.
--
-- After a backup is restored, rev numbers that clients have seen are given out again for other changes. A
-- new epoch makes their cursors unknown, instead of letting them skip those changes silently.

create table epoch (
    singleton boolean not null default true,
    value     bigint  not null,
    constraint epoch_pkey primary key (singleton),
    constraint epoch_one_row check (singleton)
);

-- gen_random_uuid draws from the operating system, random() does not.
insert into epoch (value)
values (('x' || left(replace(gen_random_uuid()::text, '-', ''), 12))::bit(48)::bigint);

comment on table epoch is 'One row: the value that cursors are bound to.';
comment on column epoch.singleton is 'Always true: the key that only one row can have.';
comment on column epoch.value is 'Drawn at random, once for this database.';
