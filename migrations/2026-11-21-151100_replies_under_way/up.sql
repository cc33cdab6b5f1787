-- Replies under way: one answers several messages that came while it waited, and one is written anew in its place.
--
-- attempt only grows, also over several writings, so that whoever held an earlier one holds nothing any more.
-- first_attempt says where the present writing began to count.

alter table messages
    add column answers_up_to integer,
    add column first_attempt smallint not null default 0,
    add constraint messages_answers_up_to check (answers_up_to > in_reply_to);

-- The answer to a message that joined others, for a repeated send.
create index messages_answers_up_to on messages (session_id, answers_up_to) where answers_up_to is not null;

comment on column messages.answers_up_to is
    'The seq of the last message that a reply answers together with in_reply_to; null if it answers that one only.';
comment on column messages.first_attempt is 'The attempts before this writing of a reply; 0 until it is written anew.';
comment on column messages.finished_rev is
    'The session''s rev when it became final, of a reply that was written anew the last time; null while under way.';
