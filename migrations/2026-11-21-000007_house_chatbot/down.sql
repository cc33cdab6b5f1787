-- Sessions that it answers in keep it: they name it as their author. The table goes with its own migration.
delete from chatbots as house
where house.id = '00000000-0000-8000-8000-000000000001'
  and not exists (select from session_chatbots where chatbot_id = house.id)
  and not exists (select from messages where chatbot_id = house.id);
