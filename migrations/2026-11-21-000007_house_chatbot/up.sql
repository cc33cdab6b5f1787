-- The chatbot of the house, so that there is someone to talk to from the first minute. It follows rules
-- and needs no model. Its id is fixed: every installation knows it.

insert into chatbots (id, handle, handle_key, name, greeting, engine)
values (
    '00000000-0000-8000-8000-000000000001',
    'parlor',
    'parlor',
    'Parlor',
    'Hello! I am the chatbot of the house. Say hello, or /help to hear what I can do.',
    'BUILTIN'
)
on conflict on constraint chatbots_pkey do nothing;
