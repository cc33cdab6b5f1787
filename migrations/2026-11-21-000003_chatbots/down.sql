drop table chatbots;
