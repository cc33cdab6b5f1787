-- No program before this knows a room.
delete from sessions where kind = 'ROOM';
-- It stays where it is an author.
delete from users
where id = '00000000-0000-8000-8000-000000000002'
  and not exists (select from messages where user_id = users.id);
drop index messages_user;

alter table sessions add column archived boolean not null default false;
comment on column sessions.archived is 'Put away: not in the list unless asked for.';
update sessions set archived = true
from members
where members.session_id = sessions.id and members.user_id = sessions.owner_id and members.archived;
alter table members drop column archived;
comment on column sessions.details_rev is 'The rev at which title, members, paused or archived last changed.';

drop table erased_sessions;
drop table removals;
