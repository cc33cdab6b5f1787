// Parlor through Apollo Client: typed errors, the cache, and subscriptions over both of its transports.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CombinedGraphQLErrors, gql } from '@apollo/client';
import { apollo } from './apollo.mjs';
import { SESSION_EVENTS, aReplyWithACut } from './live.mjs';
import { HTTP_URL, WS_URL, freshName, register, send, startSession } from './parlor.mjs';
import { stretch } from './wire.mjs';

const clients = [];

/** A client straight to the server, or through a wire. */
function apolloOf(person, { http = HTTP_URL, ws = WS_URL, ...options } = {}) {
  const client = apollo({ person, http, ws, ...options });
  clients.push(client);
  return client;
}

let ida;

before(async () => {
  ida = await register('ida');
});
after(() => Promise.all(clients.map((client) => client.close())));

test('registers somebody and talks to the chatbot of the house', async () => {
  const username = freshName('jon');
  const { data } = await apolloOf().mutate({
    mutation: gql`mutation Register($input: RegisterInput!) {
      register(input: $input) { accessToken user { id username } }
    }`,
    variables: { input: { username, email: `${username}@example.org`, password: 'correct horse battery staple' } },
  });
  const client = apolloOf({ token: data.register.accessToken });
  const said = await client.mutate({
    mutation: gql`mutation Say($input: SendMessageInput!) {
      sendMessage(input: $input) { session { id } message { id content } reply { id status content } }
    }`,
    variables: { input: { content: 'hello', waitMs: 60_000 } },
  });
  const { session, message, reply } = said.data.sendMessage;
  assert.equal(reply.status, 'COMPLETE');

  const read = await client.query({
    query: gql`query Read($id: ID!) {
      session(id: $id) {
        id
        messages(last: 10) {
          nodes { id content author { __typename ... on Node { id } ... on User { username } ... on Chatbot { handle } } }
        }
      }
    }`,
    variables: { id: session.id },
  });
  const { nodes } = read.data.session.messages;
  assert.deepEqual(nodes.slice(-2).map(({ id, content }) => [id, content]), [
    [message.id, message.content],
    [reply.id, reply.content],
  ]);
  assert.equal(nodes.at(-2).author.username, username);
  assert.equal(nodes.at(-1).author.handle, 'parlor');

  // An `id` is globally unique, so the cache knows the message again wherever it was read.
  const cached = client.readFragment({
    id: client.cache.identify({ __typename: 'Message', id: reply.id }),
    fragment: gql`fragment Content on Message { content status }`,
  });
  assert.deepEqual([cached.content, cached.status], [reply.content, 'COMPLETE']);
});

test('an error has a code to switch on, and says which input it means', async () => {
  const codes = async (asked) => {
    const error = await asked.then(() => assert.fail('it went through'), (thrown) => thrown);
    assert.ok(CombinedGraphQLErrors.is(error), String(error));
    return error.errors.map(({ extensions }) => extensions);
  };
  const ME = gql`query Me { me { id username } }`;
  const [nobody] = await codes(apolloOf().query({ query: ME }));
  assert.equal(nobody.code, 'UNAUTHENTICATED');

  const REGISTER = gql`mutation Register($input: RegisterInput!) { register(input: $input) { accessToken } }`;
  const taken = { username: ida.username, email: `${ida.username}@example.org`, password: ida.password };
  const register = (input) => codes(apolloOf().mutate({ mutation: REGISTER, variables: { input } }));
  const [conflict] = await register(taken);
  assert.deepEqual([conflict.code, conflict.field], ['CONFLICT', 'username']);
  const [short] = await register({ ...taken, username: freshName('kay'), password: 'short' });
  assert.deepEqual([short.code, short.field], ['BAD_USER_INPUT', 'password']);

  // What is wrong with the document itself comes in the same form, whatever the status says.
  const [unknown] = await codes(apolloOf(ida).query({ query: gql`query Odd { noSuchField }` }));
  assert.equal(unknown.code, 'BAD_USER_INPUT');

  // A part that fails leaves the rest, for those who ask for it.
  const { data, error } = await apolloOf(ida).query({
    query: gql`query Part($id: ID!) { node(id: $id) { id } serverInfo { name } }`,
    variables: { id: 'nothing' },
    errorPolicy: 'all',
  });
  assert.equal(data.serverInfo.name, 'Parlor');
  assert.ok(CombinedGraphQLErrors.is(error));
  assert.deepEqual(error.errors.map(({ path }) => path), [['node']]);
});

for (const [transport, sockets] of [['a WebSocket', true], ['HTTP, as multipart/mixed', false]]) {
  test(`a subscription over ${transport} brings messages as they are said`, async () => {
    const client = apolloOf(ida, { sockets });
    const session = await startSession(ida, `live over ${transport}`);
    const came = [];
    let subscription;
    const two = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`only ${came.length} in 30 s`)), 30_000);
      subscription = client
        .subscribe({
          query: gql`subscription Added($sessionId: ID!, $after: String) {
            messageAdded(sessionId: $sessionId, after: $after) { id cursor content status }
          }`,
          variables: { sessionId: session.id, after: session.cursor },
        })
        .subscribe({
          next: ({ data, error }) => {
            if (error) return reject(error);
            came.push(data.messageAdded);
            if (came.length < 2) return;
            clearTimeout(timer);
            resolve();
          },
          error: reject,
        });
    });
    const { message, reply } = await send(ida, { sessionId: session.id, content: 'hello', waitMs: 60_000 });
    await two;
    subscription.unsubscribe();
    assert.deepEqual(came.map(({ id, content }) => [id, content]), [
      [message.id, message.content],
      [reply.id, reply.content],
    ]);
  });

  test(`a subscription over ${transport} continues after a cut and loses nothing`, async (t) => {
    const wire = await stretch();
    t.after(() => wire.close());
    await aReplyWithACut(ida, wire, (told) => {
      let connections = 0;
      const connected = () => {
        connections += 1;
        if (connections > 1) told.returned();
      };
      const client = apolloOf(ida, { ...wire, sockets, connected });
      const subscription = client
        .subscribe({ query: gql(SESSION_EVENTS), variables: told.variables, fetchPolicy: 'no-cache' })
        .subscribe({
          next: ({ data, error }) => (error ? told.fail(error) : told.take(data.sessionEvents)),
          error: told.fail,
          complete: () => told.fail(new Error('the subscription completed')),
        });
      return () => subscription.unsubscribe();
    });
  });

  test(`what a subscription over ${transport} may not see is an error with a code`, async () => {
    const stranger = await register('lee');
    const session = await startSession(ida, 'not for everybody');
    const error = await new Promise((resolve, reject) => {
      apolloOf(stranger, { sockets })
        .subscribe({ query: gql(SESSION_EVENTS), variables: { sessionId: session.id } })
        .subscribe({
          next: (result) => (result.error ? resolve(result.error) : reject(new Error(JSON.stringify(result)))),
          error: resolve,
          complete: () => reject(new Error('it completed')),
        });
    });
    assert.ok(CombinedGraphQLErrors.is(error), String(error));
    assert.equal(error.errors[0].extensions.code, 'NOT_FOUND');
  });
}
