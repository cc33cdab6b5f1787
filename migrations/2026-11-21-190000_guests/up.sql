-- Guests: visitors without an account, and the token by which they come back.
--
-- A guest is a person (users, role GUEST) without a name to sign in with, an address or a password. They have one
-- login and are in one session, their visit, from the first moment on. Who has been away for too long is found by the
-- index, erased, and what is here goes with them.
--
-- The token is stored hashed, so that a copy of the database lets nobody in.

create table guests (
    user_id    uuid        not null,
    token_hash bytea       not null,
    seen_at    timestamptz not null default now(),
    constraint guests_pkey primary key (user_id),
    constraint guests_token_key unique (token_hash),
    constraint guests_user_fkey foreign key (user_id) references users (id) on delete cascade
);

create index guests_seen on guests (seen_at);

comment on table guests is 'Visitors without an account.';
comment on column guests.token_hash is 'SHA-256 of the visitor''s token.';
comment on column guests.seen_at is 'When they last came: began their visit, or got a new access token for it.';
