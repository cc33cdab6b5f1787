// Parlor through Relay: relay-compiler takes the schema and its connections as they are, and relay-runtime pages through
// them in both directions. `relay/chat.js` holds what an app would write; what React's hooks would do is done by hand.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transformFileAsync } from '@babel/core';
import relay from 'relay-runtime';
import { HTTP_URL, connect, register, send, startSession } from './parlor.mjs';

const {
  Environment,
  Network,
  Observable,
  RecordSource,
  Store,
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getPaginationMetadata,
  getPaginationVariables,
  getRequest,
  getSelector,
  requestSubscription,
} = relay;

const folder = fileURLToPath(new URL('relay', import.meta.url));
const require = createRequire(import.meta.url);
let chat;
let uma;
const open = [];

before(async () => {
  // The build of an app: the compiler writes what the queries become, Babel puts it in their place.
  const artifacts = path.join(folder, '__generated__');
  await rm(artifacts, { recursive: true, force: true });
  await mkdir(artifacts);
  const compiler = require('relay-compiler');
  await promisify(execFile)(compiler, ['relay.config.json'], { cwd: folder, timeout: 60_000 });
  const { code } = await transformFileAsync(path.join(folder, 'chat.js'), {
    babelrc: false,
    configFile: false,
    plugins: [['relay', { artifactDirectory: artifacts, eagerEsModules: false }], '@babel/plugin-transform-modules-commonjs'],
  });
  await writeFile(path.join(folder, 'chat.cjs'), code);
  chat = require('./relay/chat.cjs');
  uma = await register('uma', 'Uma');
});

after(() => open.forEach((sockets) => sockets.dispose()));

/** Relay's environment in somebody's name. */
function environmentOf(person) {
  const sockets = connect(person);
  open.push(sockets);
  const ask = async ({ text, name }, variables) => {
    const response = await fetch(HTTP_URL, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${person.token}` },
      body: JSON.stringify({ query: text, operationName: name, variables }),
    });
    return response.json();
  };
  const follow = ({ text, name }, variables) =>
    Observable.create((sink) => sockets.subscribe({ query: text, operationName: name, variables }, sink));
  return new Environment({ network: Network.create(ask, follow), store: new Store(new RecordSource()) });
}

/** Asks a query and gives its data, as `useLazyLoadQuery` does. */
async function ask(environment, query, variables) {
  await fetchQuery(environment, query, variables).toPromise();
  const operation = createOperationDescriptor(getRequest(query), variables);
  environment.retain(operation);
  return environment.lookup(operation.fragment).data;
}

/** A fragment with a connection, and its next and earlier pages, as `usePaginationFragment` gives them. */
class Pages {
  constructor(environment, fragment, reference, connection) {
    this.environment = environment;
    this.fragment = fragment;
    this.connection = connection;
    this.selector = getSelector(fragment, reference);
    const snapshot = environment.lookup(this.selector);
    this.data = snapshot.data;
    environment.subscribe(snapshot, ({ data }) => {
      this.data = data;
      this.changed?.();
    });
  }

  get nodes() {
    return this.data[this.connection].edges.map(({ node }) => node);
  }

  get pageInfo() {
    return this.data[this.connection].pageInfo;
  }

  async load(direction, count) {
    const { paginationRequest, paginationMetadata, identifierField } = getPaginationMetadata(this.fragment, 'Pages');
    const { startCursor, endCursor } = this.pageInfo;
    const cursor = direction === 'backward' ? startCursor : endCursor;
    const own = this.selector.owner.variables;
    const identity = identifierField ? { [identifierField]: this.data[identifierField] } : {};
    const variables = getPaginationVariables(direction, count, cursor, own, identity, paginationMetadata);
    await fetchQuery(this.environment, paginationRequest, variables).toPromise();
  }

  /** Waits until something holds; it is looked at after every change of the store. */
  async until(holds, what) {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited 30 s for ${what}`)), 30_000);
      this.changed = () => {
        if (!holds()) return;
        clearTimeout(timer);
        resolve();
      };
      this.changed();
    });
    this.changed = undefined;
  }
}

test('a conversation is read upwards page by page, and grows downwards as people speak', async () => {
  const session = await startSession(uma, 'relayed');
  for (const content of ['one', 'two', 'three']) {
    await send(uma, { sessionId: session.id, content, waitMs: 60_000 });
  }
  const environment = environmentOf(uma);
  const conversation = await ask(environment, chat.ConversationQuery, { id: session.id, count: 2 });
  const messages = new Pages(environment, chat.Messages, conversation.session, 'messages');
  const seqs = () => messages.nodes.map(({ seq }) => seq);
  assert.deepEqual(seqs(), [5, 6]);
  assert.deepEqual(messages.nodes.map(({ author }) => author.displayName ?? author.name), ['Uma', 'Parlor']);

  await messages.load('backward', 3);
  assert.deepEqual(seqs(), [2, 3, 4, 5, 6]);
  assert.equal(messages.pageInfo.hasPreviousPage, true);
  await messages.load('backward', 3);
  assert.deepEqual(seqs(), [1, 2, 3, 4, 5, 6]);
  assert.equal(messages.pageInfo.hasPreviousPage, false);

  const subscription = requestSubscription(environment, {
    subscription: chat.Added,
    variables: {
      sessionId: session.id,
      after: conversation.session.cursor,
      connections: [messages.data.messages.__id],
    },
    onError: (error) => assert.fail(error),
  });
  const said = await new Promise((resolve, reject) => {
    commitMutation(environment, {
      mutation: chat.Say,
      variables: { input: { sessionId: session.id, content: 'four' } },
      onCompleted: (data, errors) => (errors ? reject(new Error(JSON.stringify(errors))) : resolve(data.sendMessage)),
      onError: reject,
    });
  });
  assert.equal(said.message.seq, 7);
  await messages.until(() => messages.nodes.length === 8, 'the message and its reply');
  subscription.dispose();
  assert.deepEqual(seqs(), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(messages.nodes.at(-2).content, 'four');
  assert.equal(messages.nodes.at(-1).id, said.reply.id);
  assert.equal(messages.nodes.at(-1).status, 'COMPLETE');
});

test('the list of sessions grows page by page to its end', async () => {
  const person = await register('val');
  const titles = ['a', 'b', 'c', 'd', 'e'];
  for (const title of titles) await startSession(person, title);
  const environment = environmentOf(person);
  const query = await ask(environment, chat.SessionsQuery, { count: 2 });
  assert.equal(query.me.username, person.username);
  const sessions = new Pages(environment, chat.Sessions, query, 'sessions');
  const shown = () => sessions.nodes.map(({ title }) => title);
  assert.deepEqual(shown(), ['e', 'd']);
  await sessions.load('forward', 2);
  assert.deepEqual(shown(), ['e', 'd', 'c', 'b']);
  assert.equal(sessions.pageInfo.hasNextPage, true);
  await sessions.load('forward', 2);
  assert.deepEqual(shown(), ['e', 'd', 'c', 'b', 'a']);
  assert.equal(sessions.pageInfo.hasNextPage, false);
});

test('a field that fails is null where it may be', async () => {
  const environment = environmentOf(uma);
  const data = await ask(environment, chat.ConversationQuery, { id: 'nothing', count: 2 });
  assert.deepEqual(Object.values(data), [null]);
});
