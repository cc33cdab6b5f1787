-- Messages: the log of each session.
--
-- seq is a message's place and never changes. added_rev is the session's rev at the message's birth, rev at
-- its last change. "What happened after a cursor" is two ranges merged by those numbers, births and changes:
-- every birth stands at its own place, so whoever has come to a cursor knows all messages born before it.
-- finished_rev is the rev at which the message first became final.
--
-- A reply is its own job: born PENDING with the message it answers, claimed by a runner that holds a
-- lease on the row. There is no second queue to fall out of step with.

create table messages (
    session_id    uuid        not null,
    seq           integer     not null,
    rev           bigint      not null,
    added_rev     bigint      not null,
    finished_rev  bigint,
    user_id       uuid,
    chatbot_id    uuid,
    content       text        not null,
    status        text        not null,
    failure       text,
    in_reply_to   integer,
    client_key    text,
    client_digest bytea,
    created_at    timestamptz not null default clock_timestamp(),
    edited_at     timestamptz,
    lease_holder  uuid,
    lease_until   timestamptz,
    attempt       smallint    not null default 0,
    constraint messages_pkey primary key (session_id, seq),
    constraint messages_rev_key unique (session_id, rev),
    constraint messages_added_rev_key unique (session_id, added_rev),
    constraint messages_finished_rev_key unique (session_id, finished_rev),
    constraint messages_client_key unique (session_id, user_id, client_key),
    constraint messages_session_fkey foreign key (session_id) references sessions (id) on delete cascade,
    constraint messages_user_fkey foreign key (user_id) references users (id),
    constraint messages_chatbot_fkey foreign key (chatbot_id) references chatbots (id),
    constraint messages_in_reply_to_fkey foreign key (session_id, in_reply_to) references messages (session_id, seq),
    constraint messages_one_author check (num_nonnulls(user_id, chatbot_id) = 1),
    constraint messages_status_known
        check (status in ('PENDING', 'STREAMING', 'COMPLETE', 'CANCELLED', 'FAILED', 'DELETED')),
    constraint messages_finished check ((finished_rev is null) = (status in ('PENDING', 'STREAMING'))),
    constraint messages_revs check (added_rev >= seq and rev >= added_rev and rev >= finished_rev),
    constraint messages_failure_told check (failure is null or status = 'FAILED'),
    constraint messages_client_key_digest check ((client_key is null) = (client_digest is null))
);

-- Changes after birth, for a returning client. Without the condition, a replay would read every message that
-- never changed a second time to find that out.
create index messages_changes on messages (session_id, rev) where rev > added_rev;
-- History of all of one's sessions is merged by time, session by session.
create index messages_created on messages (session_id, created_at, seq);
-- The answer to a message, for a repeated send and for waiting.
create index messages_reply on messages (session_id, in_reply_to) where in_reply_to is not null;
-- The replies under way: few at any time, whatever the size of the history.
create index messages_under_way on messages (session_id, seq) where status in ('PENDING', 'STREAMING');

comment on table messages is 'The log: what was said in each session.';
comment on column messages.seq is 'Its place in the session, from 1, without holes.';
comment on column messages.rev is 'The session''s rev at its last change.';
comment on column messages.added_rev is 'The session''s rev at its birth.';
comment on column messages.finished_rev is 'The session''s rev when it first became final; null while under way.';
comment on column messages.user_id is 'The author, if a person.';
comment on column messages.chatbot_id is 'The author, if a chatbot.';
comment on column messages.content is 'UTF-8; of a reply under way, what was checkpointed so far.';
comment on column messages.status is 'PENDING or STREAMING for a reply under way; COMPLETE, CANCELLED, FAILED or DELETED for what is final.';
comment on column messages.failure is 'Why a reply failed, in words for a person.';
comment on column messages.in_reply_to is 'The seq of the message that a reply answers.';
comment on column messages.client_key is 'The sender''s idempotency key.';
comment on column messages.client_digest is 'SHA-256 of the content first sent with client_key, so that a retry is known even after an edit.';
comment on column messages.created_at is 'Taken under the session''s lock, so that it follows seq.';
comment on column messages.edited_at is 'When its author last changed it; null if never.';
comment on column messages.lease_holder is 'The runner that writes this reply.';
comment on column messages.lease_until is 'Past this time another runner may take the reply over.';
comment on column messages.attempt is 'How often a runner took this reply on.';
