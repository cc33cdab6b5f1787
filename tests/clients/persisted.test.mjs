// Automatic persisted queries: a client sends the hash of a query, and its text only when the server does not know it
// yet. The hash goes by GET, so that what is between the two can cache.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { apollo } from './apollo.mjs';
import { HTTP_URL, WS_URL, freshName, register } from './parlor.mjs';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** What was asked over HTTP, in short: the method, and whether the query's text went with it. */
function spy(requests) {
  return (url, init = {}) => {
    const { searchParams } = new URL(url);
    const body = init.body ? JSON.parse(init.body) : {};
    const method = init.method ?? 'GET';
    const hash = JSON.parse(searchParams.get('extensions') ?? JSON.stringify(body.extensions ?? {})).persistedQuery;
    const text = body.query ?? searchParams.get('query');
    requests.push(`${method}${hash ? ' hash' : ''}${text ? ' text' : ''}`);
    return fetch(url, init);
  };
}

let pia;
const clients = [];

before(async () => {
  pia = await register('pia');
});
after(() => Promise.all(clients.map((client) => client.close())));

function apolloOf(requests) {
  const links = [new PersistedQueryLink({ sha256, useGETForHashedQueries: true })];
  const client = apollo({ person: pia, http: HTTP_URL, ws: WS_URL, links, fetch: spy(requests) });
  clients.push(client);
  return client;
}

test('Apollo Client: the text of a query is sent once, by whoever asks first', async () => {
  // A name that nobody has, so that the server can't know the query.
  const query = gql(`query ${freshName('Me')} { me { id username } }`);
  const requests = [];
  const first = await apolloOf(requests).query({ query });
  assert.equal(first.data.me.username, pia.username);
  assert.deepEqual(requests, ['GET hash', 'POST hash text']);

  const later = [];
  const second = await apolloOf(later).query({ query });
  assert.deepEqual(second.data, first.data);
  assert.deepEqual(later, ['GET hash']);
});

test('Apollo Client: a mutation is persisted as well, and never goes by GET', async () => {
  const mutation = gql(`mutation ${freshName('Start')} { startSession(input: { title: "persisted" }) { id title } }`);
  const requests = [];
  const { data } = await apolloOf(requests).mutate({ mutation });
  assert.equal(data.startSession.title, 'persisted');
  assert.deepEqual(requests, ['POST hash', 'POST hash text']);
});

test('urql: the text of a query is sent once, by whoever asks first', async () => {
  const query = `query ${freshName('Me')} { me { id username } }`;
  const ask = async (requests) => {
    const client = new Client({
      url: HTTP_URL,
      preferGetMethod: false,
      fetch: spy(requests),
      fetchOptions: { headers: { authorization: `Bearer ${pia.token}` } },
      exchanges: [persistedExchange({ preferGetForPersistedQueries: true }), fetchExchange],
    });
    const { data, error } = await client.query(query, {});
    assert.equal(error, undefined);
    return data.me.username;
  };
  const requests = [];
  assert.equal(await ask(requests), pia.username);
  // Asked to prefer GET, urql keeps to it as long as the address is not too long.
  assert.deepEqual(requests, ['GET hash', 'GET hash text']);
  const later = [];
  assert.equal(await ask(later), pia.username);
  assert.deepEqual(later, ['GET hash']);
});

test('a hash that is not that of its text is refused', async () => {
  const response = await fetch(HTTP_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: '{ serverInfo { name } }',
      extensions: { persistedQuery: { version: 1, sha256Hash: sha256('{ me { id } }') } },
    }),
  });
  const { data, errors } = await response.json();
  assert.equal(data, undefined);
  assert.equal(errors.length, 1);
});
