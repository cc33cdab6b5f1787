// A program whose every operation is typed by the generator: what is asked and what comes back can't disagree with the
// schema. `tsc --strict` proves it; the test runs it too.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { graphql } from './gql/gql.js';
import type { SessionEventsSubscription, TypedDocumentString } from './gql/graphql.js';

const Register = graphql(`
  mutation Register($input: RegisterInput!) {
    register(input: $input) {
      accessToken
      user {
        username
        role
      }
    }
  }
`);

const Say = graphql(`
  mutation Say($input: SendMessageInput!) {
    sendMessage(input: $input) {
      session {
        id
        cursor
      }
      message {
        ...Said
      }
      reply {
        ...Said
      }
    }
  }
`);

const Page = graphql(`
  query Page($session: ID!, $last: Int, $before: String) {
    history(sessionId: $session, last: $last, before: $before) {
      nodes {
        ...Said
      }
      pageInfo {
        hasPreviousPage
        startCursor
      }
    }
  }
`);

const Events = graphql(`
  subscription SessionEvents($sessionId: ID!, $after: String) {
    sessionEvents(sessionId: $sessionId, after: $after) {
      __typename
      ... on MessageAdded {
        cursor
        message {
          ...Said
        }
      }
      ... on MessageChanged {
        cursor
        message {
          ...Said
        }
      }
      ... on ReplyDelta {
        messageId
        offset
        text
      }
      ... on CaughtUp {
        cursor
      }
      ... on FeedEnded {
        reason
        retry
      }
    }
  }
`);

graphql(`
  fragment Said on Message {
    id
    seq
    content
    status
    createdAt
    author {
      __typename
      ... on User {
        username
      }
      ... on Chatbot {
        handle
      }
    }
  }
`);

type Event = SessionEventsSubscription['sessionEvents'];
type Message = Extract<Event, { __typename: 'MessageAdded' }>['message'];

const url = process.env['PARLOR_URL'] ?? 'http://127.0.0.1:8000';
let token: string | undefined;

/** Runs one operation. Its variables and its data have the types that its document says. */
async function run<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  ...[variables]: Variables extends Record<string, never> ? [] : [Variables]
): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: { message: string }[] };
  if (!data || errors) throw new Error(errors?.[0]?.message ?? 'no data');
  return data;
}

/** Who wrote a message: the union is told apart by its `__typename`. */
function authorOf({ author }: Message): string {
  switch (author.__typename) {
    case 'User':
      return author.username;
    case 'Chatbot':
      return `@${author.handle}`;
  }
}

/** Follows a session until a reply is whole. */
async function replyIn(sessionId: string, after: string): Promise<Message> {
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  const events = client.iterate<SessionEventsSubscription>({
    query: Events.toString(),
    variables: { sessionId, after },
  });
  for await (const { data, errors } of events) {
    const event = data?.sessionEvents;
    if (!event) throw new Error(JSON.stringify(errors));
    switch (event.__typename) {
      case 'MessageAdded':
      case 'MessageChanged':
        if (event.message.author.__typename === 'Chatbot' && event.message.status === 'COMPLETE') return event.message;
        break;
      case 'ReplyDelta':
      case 'CaughtUp':
        break;
      case 'FeedEnded':
        throw new Error(`the feed ended: ${event.reason}`);
    }
  }
  throw new Error('the subscription completed');
}

/** What the compiler must refuse. It complains about a line that it does not complain about. */
export async function whatDoesNotCompile(session: string): Promise<unknown[]> {
  // @ts-expect-error The session is not optional.
  const page = await run(Page, { last: 2 });
  // @ts-expect-error `title` is not in the document.
  const title = page.history.nodes[0]?.title;
  // @ts-expect-error A page has a number of messages, not a word.
  const words = await run(Page, { session, last: 'two' });
  // @ts-expect-error There is no such status.
  const lost = page.history.nodes.filter(({ status }) => status === 'LOST');
  // @ts-expect-error The reply is null where nobody answers.
  const reply = (await run(Say, { input: { content: 'hello' } })).sendMessage.reply.content;
  return [title, words, lost, reply];
}

const [username] = process.argv.slice(2);
if (!username) throw new Error('usage: node chat.js <username>');
const { register } = await run(Register, {
  input: { username, email: `${username}@example.org`, password: 'correct horse battery staple' },
});
token = register.accessToken;
const { sendMessage } = await run(Say, { input: { content: 'hello' } });
const reply = await replyIn(sendMessage.session.id, sendMessage.session.cursor);
const { history } = await run(Page, { session: sendMessage.session.id, last: 10 });
for (const message of history.nodes) console.log(`${message.seq} ${authorOf(message)}: ${message.content}`);
console.log(JSON.stringify({ role: register.user.role, reply: reply.content, more: history.pageInfo.hasPreviousPage }));
