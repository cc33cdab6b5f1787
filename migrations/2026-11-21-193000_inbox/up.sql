-- The inbox: which of somebody's sessions have changed since they last looked.
--
-- A session has a log; a person has none, because a log of theirs would be written to once for each member by every
-- message. Instead each session and each seat notes the transaction that changed it last, in a row that is
-- written anyway. What is new since a look is told by these numbers, as in ended_logins: a look remembers the xmin
-- of its snapshot, below which every transaction was over, and the next one asks from there on.
--
-- Triggers note it where somebody could forget to: whatever moves a session's log stamps it, and whatever takes a seat
-- away, the end of a session or of an account included, leaves a row in departures.
--
-- What was there before is stamped 0: no inbox is older.

alter table sessions add column changed_in bigint not null default 0;
alter table sessions alter column changed_in set default pg_current_xact_id()::text::bigint;
alter table members add column joined_in bigint not null default 0;
alter table members alter column joined_in set default pg_current_xact_id()::text::bigint;
alter table members add column read_in bigint not null default 0;

comment on column sessions.changed_in is 'The transaction that last moved its log.';
comment on column members.joined_in is 'The transaction that gave the seat.';
comment on column members.read_in is 'The transaction in which its person last read further; 0 if never.';

create function stamp_session() returns trigger language plpgsql as $$
begin
    new.changed_in := pg_current_xact_id()::text::bigint;
    return new;
end
$$;

create trigger sessions_stamped before update of rev on sessions
    for each row when (old.rev <> new.rev)
    execute function stamp_session();

create table departures (
    session_id uuid   not null,
    user_id    uuid   not null,
    left_in    bigint not null default pg_current_xact_id()::text::bigint,
    constraint departures_pkey primary key (session_id, user_id),
    constraint departures_user_fkey foreign key (user_id) references users (id) on delete cascade
);

create index departures_user on departures (user_id, left_in);

comment on table departures is
    'Seats that were given up, taken away or erased with their session, for the inbox of whoever had one. They outlive the session.';
comment on column departures.left_in is 'The transaction in which the seat was last lost.';

create function note_departures() returns trigger language plpgsql as $$
begin
    insert into departures (session_id, user_id)
    select gone.session_id, gone.user_id from gone
    -- An account that goes in the same transaction has no inbox.
    where exists (select from users where users.id = gone.user_id)
    on conflict on constraint departures_pkey do update set left_in = excluded.left_in;
    return null;
end
$$;

create trigger members_departed after delete on members
    referencing old table as gone
    for each statement execute function note_departures();
