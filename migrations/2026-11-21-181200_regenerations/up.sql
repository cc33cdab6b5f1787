-- Replies that were written anew on request, by the keys of those who asked.
--
-- Who does not hear an answer asks again. Without a note of the first request, the second could have the reply
-- written twice. Like the keys of messages, these never expire.

create table regenerations (
    session_id uuid    not null,
    user_id    uuid    not null,
    client_key text    not null,
    seq        integer not null,
    constraint regenerations_pkey primary key (session_id, user_id, client_key),
    constraint regenerations_session_fkey foreign key (session_id) references sessions (id) on delete cascade
);

comment on table regenerations is 'Requests to write a reply anew that were carried out.';
comment on column regenerations.session_id is 'The session of the reply.';
comment on column regenerations.user_id is
    'Who asked. No foreign key: it tells their keys apart from those of others, and nothing else.';
comment on column regenerations.client_key is 'Their idempotency key.';
comment on column regenerations.seq is 'The reply.';
