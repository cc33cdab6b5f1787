// Parlor through urql, set up as its documentation says: fetch for queries and mutations, graphql-ws for
// subscriptions. Nothing here knows more of the server than a frontend would.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { Fold, isFinal } from './fold.mjs';
import { BASE, HTTP_URL, connect, freshName, register, send, startSession } from './parlor.mjs';

/** An urql client in somebody's name; `requests` lists what it sends over HTTP. */
function urql(person, options = {}) {
  const requests = [];
  const sockets = person && connect(person);
  const client = new Client({
    url: HTTP_URL,
    preferGetMethod: false,
    fetch: (url, init) => {
      requests.push({ method: init.method ?? 'GET', url: new URL(url) });
      return fetch(url, init);
    },
    fetchOptions: () => (person ? { headers: { authorization: `Bearer ${person.token}` } } : {}),
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
    ...options,
  });
  return { client, requests, close: () => sockets?.dispose() };
}

/** The data of a result without errors. */
function dataOf({ data, error }) {
  assert.equal(error, undefined);
  return data;
}

test('registers somebody, who is then signed in', async () => {
  const username = freshName('eve');
  const { register: auth } = dataOf(
    await urql().client.mutation(
      gql`mutation Register($input: RegisterInput!) {
        register(input: $input) { accessToken refreshToken expiresAt user { username displayName role } }
      }`,
      {
        input: {
          username,
          email: `${username}@example.org`,
          password: 'correct horse battery staple',
          displayName: 'Eve',
        },
      },
    ),
  );
  assert.deepEqual({ ...auth.user }, { username, displayName: 'Eve', role: 'MEMBER' });

  const { me } = dataOf(
    await urql({ token: auth.accessToken }).client.query(gql`query Me { me { username email } }`, {}),
  );
  assert.equal(me.username, username);
  assert.equal(me.email, `${username}@example.org`);
});

test('logs in, refreshes and logs out', async () => {
  const { username, password } = await register('fay');
  const { client } = urql();
  const tokens = gql`fragment Tokens on AuthPayload { accessToken refreshToken user { username } }`;
  const { login } = dataOf(
    await client.mutation(
      gql`mutation Login($input: LoginInput!) { login(input: $input) { ...Tokens } } ${tokens}`,
      { input: { username, password } },
    ),
  );
  assert.equal(login.user.username, username);
  const { refresh } = dataOf(
    await client.mutation(
      gql`mutation Refresh($token: String!) { refresh(refreshToken: $token) { ...Tokens } } ${tokens}`,
      { token: login.refreshToken },
    ),
  );
  assert.notEqual(refresh.refreshToken, login.refreshToken, 'a refresh token serves once');
  const mine = urql({ token: refresh.accessToken });
  const { logout } = dataOf(await mine.client.mutation(gql`mutation Logout { logout }`, {}));
  assert.equal(logout, true);
});

test('an error carries a code that a program can switch on', async () => {
  const { error } = await urql().client.query(gql`query Me { me { username } }`, {});
  assert.equal(error.graphQLErrors[0].extensions.code, 'UNAUTHENTICATED');
  assert.equal(error.networkError, undefined);
});

test('talks to the chatbot of the house and reads the history', async () => {
  const person = await register('gus');
  const { client, requests } = urql(person);
  const { chatbot } = dataOf(
    await client.query(
      gql`query Bot($handle: String!) { chatbot(handle: $handle) { id handle name engine owner { id } } }`,
      { handle: 'parlor' },
    ),
  );
  assert.equal(chatbot.handle, 'parlor');
  assert.equal(chatbot.owner, null);

  // No session is named, so one is started.
  const { sendMessage: sent } = dataOf(
    await client.mutation(
      gql`mutation Send($input: SendMessageInput!) {
        sendMessage(input: $input) {
          session { id kind }
          message { id seq content clientKey author { __typename ... on User { username } } }
          reply { id seq status content author { __typename ... on Chatbot { handle } } }
        }
      }`,
      { input: { content: 'hello', clientKey: 'first', waitMs: 60_000 } },
    ),
  );
  assert.equal(sent.session.kind, 'PRIVATE');
  assert.equal(sent.message.author.username, person.username);
  assert.equal(sent.message.clientKey, 'first');
  assert.equal(sent.reply.author.handle, 'parlor');
  assert.equal(sent.reply.status, 'COMPLETE');
  assert.ok(sent.reply.content.length > 0);
  assert.equal(sent.reply.seq, sent.message.seq + 1);

  const { history, sessions } = dataOf(
    await client.query(
      gql`query Read($id: ID!) {
        history(sessionId: $id, last: 2) { nodes { id content } pageInfo { hasNextPage } }
        sessions(first: 10) { nodes { id lastMessage { id } } }
      }`,
      { id: sent.session.id },
    ),
  );
  assert.deepEqual(history.nodes.map(({ id, content }) => ({ id, content })), [
    { id: sent.message.id, content: 'hello' },
    { id: sent.reply.id, content: sent.reply.content },
  ]);
  assert.equal(sessions.nodes[0].id, sent.session.id);
  assert.equal(sessions.nodes[0].lastMessage.id, sent.reply.id);
  assert.ok(requests.every(({ method }) => method === 'POST'));
});

test('a subscription brings the reply word by word', async () => {
  const person = await register('hal');
  const session = await startSession(person);
  const { client, close } = urql(person);
  const fold = new Fold(session.cursor);
  let deltas = 0;
  try {
    const replied = new Promise((resolve, reject) => {
      const failed = setTimeout(() => reject(new Error(`no reply: ${JSON.stringify(fold.history)}`)), 60_000);
      client
        .subscription(
          gql`subscription Events($sessionId: ID!, $after: String) {
            sessionEvents(sessionId: $sessionId, after: $after) {
              __typename
              ... on MessageAdded { cursor message { id seq status content author { __typename } } }
              ... on MessageChanged { cursor message { id seq status content author { __typename } } }
              ... on ReplyDelta { messageId offset text }
              ... on CaughtUp { cursor }
            }
          }`,
          { sessionId: session.id, after: session.cursor },
        )
        .subscribe(({ data, error }) => {
          if (error) return reject(error);
          if (!data) return;
          fold.apply(data.sessionEvents);
          if (data.sessionEvents.__typename === 'ReplyDelta') deltas += 1;
          const reply = fold.history.find((message) => message.author.__typename === 'Chatbot' && isFinal(message));
          if (reply) {
            clearTimeout(failed);
            resolve(reply);
          }
        });
    });
    await send(person, { sessionId: session.id, content: 'hello' });
    const reply = await replied;
    assert.equal(reply.status, 'COMPLETE');
    assert.ok(deltas > 1, `${deltas} deltas`);
  } finally {
    close();
  }
});

test('queries go over GET with their operation name, mutations never do', async () => {
  const person = await register('ivy');
  const { client, requests } = urql(person, { preferGetMethod: 'force' });
  const { serverInfo, me } = dataOf(
    await client.query(gql`query Hello { serverInfo { name version maxMessageLength } me { username } }`, {}),
  );
  assert.equal(me.username, person.username);
  assert.match(serverInfo.version, /^\d+\.\d+\.\d+/);
  assert.ok(serverInfo.maxMessageLength > 0);
  assert.equal(requests[0].method, 'GET');
  assert.equal(requests[0].url.searchParams.get('operationName'), 'Hello');

  const { startSession: session } = dataOf(
    await client.mutation(gql`mutation Start { startSession(input: { title: "By urql" }) { title } }`, {}),
  );
  assert.equal(session.title, 'By urql');
  assert.equal(requests[1].method, 'POST');
});

test('over GET, operationName picks one of several operations, and a mutation is refused', async () => {
  const ask = (parameters) =>
    fetch(`${BASE}/graphql?${new URLSearchParams(parameters)}`, { headers: { accept: 'application/json' } });
  const query = 'query One { one: serverInfo { name } } query Two { two: serverInfo { name } }';
  const { data } = await (await ask({ query, operationName: 'Two' })).json();
  assert.deepEqual(Object.keys(data), ['two']);

  const refused = await ask({ query: 'mutation { logout }' });
  assert.equal(refused.status, 405);
});
