// Subscriptions as server-sent events, for where WebSockets don't get through: graphql-sse with a connection each, and
// urql, which asks for them when `fetchSubscriptions` is on.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Client, fetchExchange } from '@urql/core';
import { createClient } from 'graphql-sse';
import { SESSION_EVENTS, Told, aReplyWithACut } from './live.mjs';
import { HTTP_URL, register, send, startSession } from './parlor.mjs';
import { stretch } from './wire.mjs';

/** A graphql-sse client in somebody's name. */
function sse(person, options = {}) {
  return createClient({
    url: HTTP_URL,
    headers: person && { authorization: `Bearer ${person.token}` },
    retry: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(100 * 2 ** retries, 10_000))),
    retryAttempts: 20,
    ...options,
  });
}

let mia;

before(async () => {
  mia = await register('mia');
});

/** Follows a session with graphql-sse; its variables are read anew at every attempt, so it continues where it was. */
function follow(client, told) {
  return client.subscribe(
    { query: SESSION_EVENTS, variables: told.variables },
    {
      next: ({ data, errors }) => (errors ? told.fail(new Error(JSON.stringify(errors))) : told.take(data.sessionEvents)),
      error: told.fail,
      complete: () => {},
    },
    { connected: (again) => again && told.returned() },
  );
}

test('graphql-sse: a reply comes word by word, and a cut loses nothing of it', async (t) => {
  const wire = await stretch();
  t.after(() => wire.close());
  await aReplyWithACut(mia, wire, (told) => follow(sse(mia, { url: wire.http }), told));
});

test('graphql-sse: whoever stops listening ends the request, and the reply is written all the same', async () => {
  const session = await startSession(mia, 'left early');
  let ended;
  const over = new Promise((resolve) => {
    ended = resolve;
  });
  const client = sse(mia, {
    fetchFn: (url, init) => {
      init.signal.addEventListener('abort', ended, { once: true });
      return fetch(url, init);
    },
  });
  const told = new Told(session);
  const leave = follow(client, told);
  await told.caughtUp();
  const { reply } = await send(mia, { sessionId: session.id, content: 'What can you do?' });
  await told.until(() => told.deltas > 0, 'the beginning of the reply');
  leave();
  await over;
  const held = told.fold.log.length;

  // Somebody who comes later sees all of it.
  const later = new Told(session);
  const stop = follow(sse(mia), later);
  await later.sees([reply.id]);
  stop();
  assert.equal(later.fold.messages.get(reply.id).status, 'COMPLETE');
  assert.equal(told.fold.log.length, held, 'nothing came after leaving');
});

test('graphql-sse: an async iterator serves as well, and ends the request when it is left', async () => {
  const session = await startSession(mia, 'iterated');
  const { message } = await send(mia, { sessionId: session.id, content: 'hello', waitMs: 60_000 });
  const came = [];
  const query = `subscription Added($sessionId: ID!, $after: String) {
    messageAdded(sessionId: $sessionId, after: $after) { id seq }
  }`;
  for await (const { data } of sse(mia).iterate({ query, variables: { sessionId: session.id, after: session.cursor } })) {
    came.push(data.messageAdded);
    if (came.length === 2) break;
  }
  assert.deepEqual(came.map(({ seq }) => seq), [message.seq, message.seq + 1]);
});

test('graphql-sse: queries and mutations come over the same stream', async () => {
  const results = [];
  for await (const result of sse(mia).iterate({ query: '{ me { username } }' })) results.push(result);
  assert.deepEqual(results, [{ data: { me: { username: mia.username } } }]);
});

test('graphql-sse: what is wrong with an operation comes as a result with a code, and is not tried again', async () => {
  let attempts = 0;
  const counted = (person) => sse(person, { on: { connecting: () => { attempts += 1; } } });
  const errorsOf = async (client, query, variables) => {
    const results = [];
    for await (const result of client.iterate({ query, variables })) results.push(result);
    assert.equal(results.length, 1);
    return results[0].errors.map(({ extensions }) => extensions.code);
  };
  const session = await startSession(mia, 'not for everybody');
  const variables = { sessionId: session.id };
  const stranger = await register('ned');
  assert.deepEqual(await errorsOf(counted(stranger), SESSION_EVENTS, variables), ['NOT_FOUND']);
  assert.deepEqual(await errorsOf(counted(undefined), SESSION_EVENTS, variables), ['UNAUTHENTICATED']);
  assert.deepEqual(await errorsOf(counted({ token: 'stale' }), SESSION_EVENTS, variables), ['UNAUTHENTICATED']);
  assert.deepEqual(await errorsOf(counted(mia), 'subscription { noSuchField }', {}), ['BAD_USER_INPUT']);
  assert.equal(attempts, 4);
});

test('graphql-sse: a heartbeat in a long silence disturbs nobody', { timeout: 120_000 }, async () => {
  const session = await startSession(mia, 'a long silence');
  const told = new Told(session);
  // What goes by on the stream is looked at on its way to the client.
  let heard;
  const heartbeat = new Promise((resolve) => {
    heard = resolve;
  });
  const client = sse(mia, {
    fetchFn: async (...request) => {
      const response = await fetch(...request);
      const decoder = new TextDecoder();
      let text = '';
      const looking = new TransformStream({
        transform(chunk, controller) {
          text += decoder.decode(chunk, { stream: true });
          // The first one opens the stream.
          if (text.match(/^:/gm)?.length > 1) heard();
          controller.enqueue(chunk);
        },
      });
      return new Response(response.body.pipeThrough(looking), response);
    },
  });
  const stop = follow(client, told);
  try {
    await told.caughtUp();
    await heartbeat;
    const { message, reply } = await send(mia, { sessionId: session.id, content: 'still there?', waitMs: 60_000 });
    await told.sees([message.id, reply.id]);
  } finally {
    stop();
  }
});

/** An urql client whose subscriptions are server-sent events. */
function urql(person, options = {}) {
  return new Client({
    url: HTTP_URL,
    preferGetMethod: false,
    fetchSubscriptions: true,
    fetchOptions: { headers: { authorization: `Bearer ${person.token}` } },
    exchanges: [fetchExchange],
    ...options,
  });
}

test('urql: a reply comes word by word, and a cut loses nothing of it', async (t) => {
  const wire = await stretch();
  t.after(() => wire.close());
  const types = [];
  await aReplyWithACut(mia, wire, (told) => {
    const client = urql(mia, {
      url: wire.http,
      fetch: async (...request) => {
        const response = await fetch(...request);
        types.push(response.headers.get('content-type'));
        return response;
      },
    });
    // urql leaves it to the app to come back. The app asks `after` the newest cursor it has.
    let left = false;
    let subscription;
    const open = (variables) => {
      subscription = client.subscription(SESSION_EVENTS, variables).subscribe(({ data, error }) => {
        if (left) return;
        if (error?.networkError) {
          setTimeout(() => {
            told.returned();
            open({ ...told.variables });
          }, 100);
        } else if (error) {
          told.fail(error);
        } else {
          told.take(data.sessionEvents);
        }
      });
    };
    open({ ...told.variables });
    return () => {
      left = true;
      subscription.unsubscribe();
    };
  });
  assert.match(types[0], /^text\/event-stream/);
});
