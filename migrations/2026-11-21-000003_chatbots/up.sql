-- Chatbots: authors that answer. They belong to a person, or to the house.

create table chatbots (
    id          uuid             not null,
    handle      text             not null,
    handle_key  text             not null,
    name        text             not null,
    greeting    text             not null default '',
    engine      text             not null,
    model       text,
    temperature double precision,
    persona     text,
    owner_id    uuid,
    created_at  timestamptz      not null default now(),
    deleted_at  timestamptz,
    constraint chatbots_pkey primary key (id),
    constraint chatbots_handle_key unique (handle_key),
    constraint chatbots_owner_fkey foreign key (owner_id) references users (id) on delete set null,
    constraint chatbots_engine_known check (engine in ('BUILTIN', 'OPENAI'))
);

create index chatbots_owner on chatbots (owner_id) where deleted_at is null;

comment on table chatbots is 'Authors that answer.';
comment on column chatbots.handle is 'As its owner typed it; shown, never compared.';
comment on column chatbots.handle_key is 'The handle folded for comparison: unique.';
comment on column chatbots.name is 'What it is shown as; not unique.';
comment on column chatbots.greeting is 'What a client may show before the first message; empty for none.';
comment on column chatbots.engine is 'What writes its replies: BUILTIN (rules) or OPENAI (a model server).';
comment on column chatbots.model is 'OPENAI only: the model''s name; null takes the operator''s default.';
comment on column chatbots.temperature is 'OPENAI only: 0 to 2.';
comment on column chatbots.persona is 'OPENAI only: the system prompt, for its owner''s eyes.';
comment on column chatbots.owner_id is 'Null for a chatbot of the house.';
comment on column chatbots.deleted_at is 'Deleted chatbots stay as the named authors of what they wrote.';
