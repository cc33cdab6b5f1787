-- Sessions, who is in them and which chatbots answer there.
--
-- A session's row carries the two counters of its log. They move under the row's lock, in the transaction
-- that makes the change, so the order of commits is the order of the counters. Everything a session owns
-- has session_id first in its keys: the database can be sharded by session without a rewrite.

create table sessions (
    id              uuid        not null,
    kind            text        not null,
    title           text        not null default '',
    owner_id        uuid        not null,
    last_seq        integer     not null default 0,
    rev             bigint      not null default 0,
    details_rev     bigint      not null default 0,
    chatbots_paused boolean     not null default false,
    archived        boolean     not null default false,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    constraint sessions_pkey primary key (id),
    constraint sessions_owner_fkey foreign key (owner_id) references users (id),
    constraint sessions_kind_known check (kind in ('PRIVATE', 'ROOM', 'VISIT')),
    constraint sessions_counters check (last_seq >= 0 and rev >= last_seq and details_rev <= rev)
);

create index sessions_owner on sessions (owner_id);
create index sessions_rooms on sessions (updated_at desc, id) where kind = 'ROOM';

comment on table sessions is 'Conversations.';
comment on column sessions.kind is 'PRIVATE (a person and chatbots), ROOM (open to join) or VISIT (a guest and an owner).';
comment on column sessions.title is 'Empty for none.';
comment on column sessions.owner_id is 'Who runs it.';
comment on column sessions.last_seq is 'Messages so far; the seq of the newest.';
comment on column sessions.rev is 'Changes so far; the head of the log.';
comment on column sessions.details_rev is 'The rev at which title, members, paused or archived last changed.';
comment on column sessions.chatbots_paused is 'A person has taken over: chatbots keep silent.';
comment on column sessions.archived is 'Put away: not in the list unless asked for.';
comment on column sessions.updated_at is 'Of the last change; orders the list of sessions.';

create table members (
    session_id uuid        not null,
    user_id    uuid        not null,
    read_up_to integer     not null default 0,
    joined_at  timestamptz not null default now(),
    constraint members_pkey primary key (session_id, user_id),
    constraint members_session_fkey foreign key (session_id) references sessions (id) on delete cascade,
    constraint members_user_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint members_read_up_to_positive check (read_up_to >= 0)
);

create index members_user on members (user_id);

comment on table members is 'Who is in a session.';
comment on column members.read_up_to is 'The seq of the newest message read; one''s own sends count as read.';
comment on column members.joined_at is 'Orders the list of members.';

create table session_chatbots (
    session_id uuid     not null,
    chatbot_id uuid     not null,
    position   smallint not null,
    constraint session_chatbots_pkey primary key (session_id, chatbot_id),
    constraint session_chatbots_position_key unique (session_id, position),
    constraint session_chatbots_session_fkey foreign key (session_id) references sessions (id) on delete cascade,
    constraint session_chatbots_chatbot_fkey foreign key (chatbot_id) references chatbots (id)
);

comment on table session_chatbots is 'Which chatbots answer in a session.';
comment on column session_chatbots.position is 'In the order they were invited, from 0; the first answers unless another is asked for.';
