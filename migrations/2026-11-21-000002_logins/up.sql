-- Logins: one per device, each a family of refresh tokens of which only the newest is good.
--
-- Tokens are stored hashed, so that a copy of the database signs nobody in.

create table logins (
    id           uuid        not null,
    user_id      uuid        not null,
    created_at   timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    ended_at     timestamptz,
    constraint logins_pkey primary key (id),
    constraint logins_user_fkey foreign key (user_id) references users (id) on delete cascade
);

create index logins_user on logins (user_id) where ended_at is null;

comment on table logins is 'Devices that are or were signed in.';
comment on column logins.last_used_at is 'When the login last got a new access token.';
comment on column logins.ended_at is 'Signed out, or ended because an old token was used again.';

create table refresh_tokens (
    token_hash bytea       not null,
    login_id   uuid        not null,
    issued_at  timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at    timestamptz,
    constraint refresh_tokens_pkey primary key (token_hash),
    constraint refresh_tokens_login_fkey foreign key (login_id) references logins (id) on delete cascade
);

create index refresh_tokens_login on refresh_tokens (login_id);

comment on table refresh_tokens is 'Every refresh token given out and not yet expired.';
comment on column refresh_tokens.token_hash is 'SHA-256 of the token.';
comment on column refresh_tokens.issued_at is 'When it was given out.';
comment on column refresh_tokens.expires_at is 'Past this time it is refused, and may be deleted.';
comment on column refresh_tokens.used_at is 'When it was exchanged for its successor; null while it is the newest.';
