-- What ended lately: every process looks here twice a second and closes what an ended login had opened.
--
-- The bus tells at once, where it reaches. This is for the rest: a process that the bus does not reach, a command
-- that has no bus, a statement typed by hand. A trigger writes it, so that no way out can pass it by, not even the
-- deletion of the login's own row.
--
-- Rows are told apart from those already seen by transaction number and not by time: one that began long ago may
-- commit now, and its times are of its beginning. Who looks remembers which transactions were over (the xmin of
-- its snapshot) and next time asks from there on. Rows are kept for an hour: nothing that a login opened outlives
-- its access token, which is good for minutes.

create table ended_logins (
    login_id uuid        not null,
    ended_in bigint      not null default pg_current_xact_id()::text::bigint,
    ended_at timestamptz not null default now(),
    constraint ended_logins_pkey primary key (ended_in, login_id)
);

comment on table ended_logins is 'Logins that ended in the last hour or so, for those who hold open what they opened.';
comment on column ended_logins.ended_in is 'The transaction that ended it.';
comment on column ended_logins.ended_at is 'When that began. Rows older than an hour may be deleted.';

create function note_ended_login() returns trigger language plpgsql as $$
begin
    insert into ended_logins (login_id) values (old.id) on conflict do nothing;
    return null;
end
$$;

create trigger logins_ended after update of ended_at on logins
    for each row when (old.ended_at is null and new.ended_at is not null)
    execute function note_ended_login();
create trigger logins_deleted after delete on logins
    for each row when (old.ended_at is null)
    execute function note_ended_login();
