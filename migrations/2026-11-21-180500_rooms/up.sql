-- Rooms: who was removed from a session, who has put it away, and what stays when somebody is gone.
--
-- Whether a session is put away is each member's own, now that there are several. A message outlives its
-- author's account in a session that others share: then its author is one row that stands for all who left.

create table removals (
    session_id uuid        not null,
    user_id    uuid        not null,
    removed_at timestamptz not null default now(),
    constraint removals_pkey primary key (session_id, user_id),
    constraint removals_session_fkey foreign key (session_id) references sessions (id) on delete cascade,
    constraint removals_user_fkey foreign key (user_id) references users (id) on delete cascade
);

create index removals_user on removals (user_id);

comment on table removals is 'Who was removed from a session and has not been added again: to them it does not exist.';
comment on column removals.removed_at is 'When they were removed.';

create table erased_sessions (
    session_id uuid        not null,
    erased_at  timestamptz not null default now(),
    constraint erased_sessions_pkey primary key (session_id)
);

comment on table erased_sessions is
    'Ids that were made from a client key, of sessions that were deleted: a late retry must not start one of them anew.';
comment on column erased_sessions.erased_at is 'When it was deleted.';

alter table members add column archived boolean not null default false;
comment on column members.archived is 'Put away by this member: not in their list unless asked for.';
update members set archived = true
from sessions where sessions.id = members.session_id and sessions.archived;
alter table sessions drop column archived;
comment on column sessions.details_rev is
    'The rev at which title, owner, members or paused last changed, or a member put it away.';

-- Everything that somebody wrote, wherever that was: for the end of their account.
create index messages_user on messages (user_id) where user_id is not null;

insert into users (id, username, username_key, display_name, role, disabled_at)
values (
    '00000000-0000-8000-8000-000000000002',
    'deleted-account',
    'deleted-account',
    'Deleted account',
    'MEMBER',
    now()
)
on conflict on constraint users_pkey do nothing;
