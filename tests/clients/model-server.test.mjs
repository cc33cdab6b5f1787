// A conversation with a real model server, followed over graphql-ws: it streams, is cancelled, is written anew, and is
// remembered, which is to be seen in what the model server is asked. Left out where there is no model server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { missing, startAll } from './model-server.mjs';

/** What the model was told last, a line a message. */
const told = ({ asked }) => asked.at(-1).messages.map(({ role, content }) => `${role}: ${content}`);

test('a conversation streams, is cancelled, written anew and remembered', { skip: missing }, async () => {
  const { parlor, recorder, stop } = await startAll();
  // A server of its own, whatever the other tests talk to.
  process.env.PARLOR_URL = parlor;
  const { connect, history, register, send } = await import('./parlor.mjs');
  const { SESSION_EVENTS, Told } = await import('./live.mjs');
  const ada = await register('ada');
  await ada.ask(`mutation {
    createChatbot(input: { handle: "nonsense", persona: "You talk nonsense.", temperature: 0 }) { id }
  }`);
  const { startSession } = await ada.ask('mutation { startSession(input: { chatbots: ["nonsense"] }) { id cursor } }');
  const session = { id: startSession.id, cursor: startSession.cursor, steered: true };
  const feed = new Told(session);
  const client = connect(ada);
  client.subscribe(
    { query: SESSION_EVENTS, variables: feed.variables },
    { next: ({ data, errors }) => (errors ? feed.fail(errors[0]) : feed.take(data.sessionEvents)), error: feed.fail, complete() {} },
  );
  const say = (content) => send(ada, { sessionId: session.id, content });
  const seen = (reply) => feed.fold.messages.get(reply.id);
  /** Waits until some of a reply's text has come. */
  const streams = (reply) => feed.until(() => seen(reply)?.content, 'its text');
  try {
    await feed.caughtUp();

    const first = await say('My cat is called Turing.');
    await streams(first.reply);
    await feed.sees([first.reply.id]);
    const answer = seen(first.reply);
    assert.equal(answer.status, 'COMPLETE');
    assert.ok(answer.content.split(/\s+/).length > 100, answer.content);
    assert.ok(feed.deltas > 1, 'it came in pieces');

    recorder.holds = true;
    const second = await say('What is my cat called?');
    await streams(second.reply);
    const prompt = [
      'system: You talk nonsense.',
      'user: My cat is called Turing.',
      `assistant: ${answer.content}`,
      'user: What is my cat called?',
    ];
    assert.deepEqual(told(recorder), prompt);
    const left = once(recorder, 'left', { signal: AbortSignal.timeout(30_000) });
    const { cancelReply } = await ada.ask('mutation ($id: ID!) { cancelReply(id: $id) { status content } }', second.reply);
    await feed.sees([second.reply.id]);
    assert.equal(cancelReply.status, 'CANCELLED');
    assert.equal(seen(second.reply).content, cancelReply.content);
    assert.ok(cancelReply.content, 'what was shown is kept');
    await left;
    recorder.holds = false;

    const { regenerateReply } = await ada.ask(
      'mutation ($id: ID!) { regenerateReply(id: $id) { id seq status content } }',
      second.reply,
    );
    assert.deepEqual(regenerateReply, { id: second.reply.id, seq: second.reply.seq, status: 'PENDING', content: '' });
    await feed.until(() => seen(second.reply).status === 'COMPLETE', 'the new text');
    assert.deepEqual(told(recorder), prompt, 'the text that was left off is forgotten');

    const third = await say('Are you sure?');
    await feed.sees([third.reply.id]);
    const anew = seen(second.reply).content;
    assert.deepEqual(told(recorder), [...prompt, `assistant: ${anew}`, 'user: Are you sure?']);
    assert.deepEqual(feed.fold.finish(await history(ada, session.id)), []);
  } finally {
    await client.dispose();
    await stop();
  }
});
