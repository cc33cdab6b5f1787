-- People: everyone who can write in a session, with an account or as a guest.
--
-- Names and addresses are unique without regard to case. What the person typed is kept for show; the
-- `_key` beside it is the folded form, made by the program so that one rule serves every platform.

create table users (
    id            uuid        not null,
    username      text        not null,
    username_key  text        not null,
    email         text,
    email_key     text,
    display_name  text        not null,
    bio           text        not null default '',
    password_hash text,
    role          text        not null,
    created_at    timestamptz not null default now(),
    disabled_at   timestamptz,
    constraint users_pkey primary key (id),
    constraint users_username_key unique (username_key),
    constraint users_email_key unique (email_key),
    constraint users_email_pair check ((email is null) = (email_key is null)),
    constraint users_role_known check (role in ('GUEST', 'MEMBER', 'ADMIN'))
);

comment on table users is 'People, with an account or as guests.';
comment on column users.username is 'As the person typed it; shown, never compared.';
comment on column users.username_key is 'The username folded for comparison: unique.';
comment on column users.email is 'As the person typed it; null for guests.';
comment on column users.email_key is 'The address folded for comparison: unique.';
comment on column users.display_name is 'What they are shown as; not unique.';
comment on column users.bio is 'A few words about themselves; empty for none.';
comment on column users.password_hash is 'Argon2id in PHC form; null for guests, who hold a token instead.';
comment on column users.role is 'GUEST (no account), MEMBER or ADMIN (runs the installation).';
comment on column users.disabled_at is 'When an operator shut the account; null while it is open.';
