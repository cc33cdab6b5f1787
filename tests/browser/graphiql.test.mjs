// The first conversation, tab by tab, as somebody has it who has just started the server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startBrowser } from './browser.mjs';
import { GraphiQL } from './graphiql.mjs';

const picture = (name) => fileURLToPath(new URL(`screenshots/${name}.png`, import.meta.url));

// Chromium reports each answer with such a status, also one that a test asked for.
const REFUSED = /responded with a status of 40[01]/;

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser?.stop());

test(
  'a newcomer registers, says hello and watches the answer being written',
  { timeout: 90_000 },
  async () => {
    const ada = await GraphiQL.open(browser);

    const registered = (await ada.run('Register')).data.register;
    assert.match(registered.user.username, /^ada/);
    assert.ok(registered.accessToken);
    await ada.reads('"accessToken"');
    await ada.picture(picture('1-register'));

    // Nobody copies the token: the page puts it to use.
    const first = (await ada.run('Send', { input: { content: 'Hello', waitMs: 0 } })).data.sendMessage;
    assert.equal(first.message.content, 'Hello');
    assert.equal(first.message.seq, 1);
    assert.equal(first.reply.seq, 2);
    await ada.picture(picture('2-send'));

    // However long ago it was finished, the reply comes: the subscription starts after the message it answers.
    await ada.start('Watch');
    await ada.event(changed(first.reply.id, 'COMPLETE'));
    await ada.event(is('CaughtUp'));
    assert.equal(ada.connectionParams[0].authorization, `Bearer ${registered.accessToken}`);

    // Live: a second message, from a second browser tab.
    const again = await ada.duplicate();
    const second = (
      await again.run('Send', { input: { content: 'Hello again', waitMs: 0, sessionId: '{{sessionId}}' } })
    ).data.sendMessage;
    assert.equal(second.session.id, first.session.id);

    const finished = await ada.event(changed(second.reply.id, 'COMPLETE'));
    const { content } = finished.data.sessionEvents.message;
    assert.ok(content.length > 0);
    assert.equal(written(ada.events, second.reply.id), content);
    const deltas = ada.events.filter(is('ReplyDelta'));
    assert.ok(deltas.length >= 2, 'the reply streams in');
    const lastDelta = ada.events.findLastIndex(is('ReplyDelta'));
    assert.ok(lastDelta < ada.events.indexOf(finished), 'and is finished after its last word');
    assert.ok(ada.events.some(added(second.message.id)), 'and the question came too');
    await ada.reads('"COMPLETE"');
    await ada.reads('"ReplyDelta"');
    await ada.picture(picture('3-watch'));

    const history = (await again.run('History')).data.history;
    assert.deepEqual(
      history.nodes.map((message) => [message.seq, message.status]),
      [1, 2, 3, 4].map((seq) => [seq, 'COMPLETE']),
    );
    await again.reads('"handle": "parlor"');
    await again.picture(picture('4-history'));
  },
);

test('a reload keeps the tab, its variables and the login', { timeout: 60_000 }, async () => {
  const ada = await GraphiQL.open(browser);
  await ada.run('Register');
  await ada.run('Send');
  await ada.show('History');
  await ada.reload();

  const { history } = (await ada.run('History')).data;
  assert.equal(history.nodes[0].content, 'Hello');
});

test('headers of your own go before the login that the page keeps', { timeout: 60_000 }, async () => {
  const ada = await GraphiQL.open(browser, REFUSED);
  await ada.run('Register');

  await ada.show('Send');
  await ada.setHeaders({ authorization: 'Bearer nonsense' });
  const refused = await ada.run('Send');
  assert.equal(refused.errors[0].extensions.code, 'UNAUTHENTICATED');

  // And the kept one is not lost over it.
  await ada.setHeaders({});
  assert.equal((await ada.run('Send')).data.sendMessage.message.content, 'Hello');
});

test('a login that has run out does not stand in the way of the next one', { timeout: 60_000 }, async () => {
  const ada = await GraphiQL.open(browser, REFUSED);
  await ada.run('Register');
  await ada.loseLogin();

  await ada.start('Login');
  await ada.reads('"accessToken"');
  assert.equal((await ada.run('Send')).data.sendMessage.message.content, 'Hello');
});

test('no other host is contacted and no page complains', () => {
  assert.deepEqual(browser.strangers, []);
  assert.deepEqual(browser.complaints, []);
});

const is = (type) => (event) => event.data?.sessionEvents.__typename === type;
const added = (id) => (event) => is('MessageAdded')(event) && event.data.sessionEvents.message.id === id;

/** The event after which this message has this status, replayed or live. */
const changed = (id, status) => (event) => {
  const message = event.data?.sessionEvents.message;
  return message?.id === id && message.status === status;
};

/** The text that the deltas of a message add up to. An offset counts characters, not UTF-16 units. */
function written(events, messageId) {
  let text = [];
  for (const { data } of events.filter(is('ReplyDelta'))) {
    const delta = data.sessionEvents;
    if (delta.messageId !== messageId) continue;
    assert.ok(delta.offset <= text.length, 'no gap before a delta');
    text = [...text.slice(0, delta.offset), ...delta.text];
  }
  return text.join('');
}
