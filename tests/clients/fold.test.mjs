// The fold, and proof that its checker sees every fault it is there to see: each is planted into a recording of a
// good feed, at every place where it can stand.
import assert from 'node:assert/strict';
import test from 'node:test';
import { CheckedFold, Fold, compareFeeds } from './fold.mjs';

const START = 'c0';
const createdAt = '2026-01-01T00:00:00.000000Z';
// The emoji is one scalar value, two UTF-16 units and four bytes, so an offset counted in the wrong unit shows.
const WORDS = ['Good ', '👋 ', 'day, ', 'naïve ', 'Ada.'];
const REPLY = WORDS.join('');

const message = (seq, status, content) => ({
  id: `m${seq}`, seq, status, content, createdAt, editedAt: null,
});
const deltas = (seq) =>
  WORDS.map((text, index) => ({
    __typename: 'ReplyDelta',
    messageId: `m${seq}`,
    offset: [...WORDS.slice(0, index).join('')].length,
    text,
  }));

/** Two questions and their replies, followed live from the start. */
const RECORDING = [
  { __typename: 'CaughtUp', cursor: START },
  { __typename: 'MessageAdded', cursor: 'c1', message: message(1, 'COMPLETE', 'hello') },
  { __typename: 'MessageAdded', cursor: 'c2', message: message(2, 'PENDING', '') },
  ...deltas(2),
  { __typename: 'MessageChanged', cursor: 'c3', message: message(2, 'COMPLETE', REPLY) },
  { __typename: 'MessageAdded', cursor: 'c4', message: message(3, 'COMPLETE', 'and now?') },
  { __typename: 'MessageAdded', cursor: 'c5', message: message(4, 'PENDING', '') },
  ...deltas(4),
  { __typename: 'MessageChanged', cursor: 'c6', message: message(4, 'COMPLETE', REPLY) },
];
const STORED = [
  message(1, 'COMPLETE', 'hello'),
  message(2, 'COMPLETE', REPLY),
  message(3, 'COMPLETE', 'and now?'),
  message(4, 'COMPLETE', REPLY),
];

const WITNESS = RECORDING.filter((event) => event.message)
  .map((event) => ({ cursor: event.cursor, id: event.message.id }));

/** Folds the events, a list of them to each connection, and returns the faults, judged as the live tests judge. */
function faultsOf(...connections) {
  const fold = new CheckedFold({ cursor: START });
  connections.forEach((events, index) => {
    if (index > 0) fold.reconnected();
    for (const event of events) fold.apply(structuredClone(event));
  });
  return [...fold.finish(STORED), ...compareFeeds(fold.log, WITNESS)];
}

/** Plants a fault at every index where `plant` returns a list, and wants each noticed. */
function caughtEverywhere(plant) {
  let planted = 0;
  RECORDING.forEach((event, index) => {
    const events = plant(index, event);
    if (!events) return;
    planted += 1;
    assert.notDeepEqual(faultsOf(events), [], `not noticed at ${index}: ${JSON.stringify(event)}`);
  });
  assert.ok(planted > 0);
}

const withDelta = (change) => (index, event) =>
  event.__typename === 'ReplyDelta' && RECORDING.with(index, { ...event, ...change(event) });

test('a good feed folds into what was stored, without a fault', () => {
  assert.deepEqual(faultsOf(RECORDING), []);
  const fold = new Fold();
  for (const event of RECORDING) fold.apply(event);
  assert.deepEqual(fold.history, STORED);
  assert.equal(fold.cursor, 'c6');
});

test('a delta replaces what stands from its offset on', () => {
  const fold = new Fold();
  fold.apply({ __typename: 'MessageAdded', cursor: 'c1', message: message(1, 'STREAMING', '👋 helo') });
  fold.apply({ __typename: 'ReplyDelta', messageId: 'm1', offset: 5, text: 'lo Ada' });
  assert.equal(fold.messages.get('m1').content, '👋 hello Ada');
  assert.equal(fold.cursor, 'c1', 'a delta has no cursor and moves none');
});

test('folding alters no event, which other readers may hold', () => {
  const fold = new Fold();
  const event = Object.freeze({
    __typename: 'MessageAdded', cursor: 'c1', message: Object.freeze(message(1, 'PENDING', '')),
  });
  fold.apply(event);
  fold.apply({ __typename: 'ReplyDelta', messageId: 'm1', offset: 0, text: 'hi' });
  assert.equal(event.message.content, '');
});

test('a cut at any place heals: what the client has, what is replayed, and the text so far', () => {
  const caughtUp = (cursor) => ({ __typename: 'CaughtUp', cursor });
  for (let cut = 0; cut <= RECORDING.length; cut += 1) {
    const before = RECORDING.slice(0, cut);
    const fold = new Fold(START);
    for (const event of before) fold.apply(event);
    const after = [caughtUp(fold.cursor)];
    const growing = fold.history.find((held) => held.status === 'PENDING');
    if (growing) after.push({ __typename: 'ReplyDelta', messageId: growing.id, offset: 0, text: growing.content });
    after.push(...RECORDING.slice(Math.max(cut, 1)));
    assert.deepEqual(faultsOf(before, after), [], `cut at ${cut}`);
  }
});

test('a replay may bring a reply finished that the client never saw begin', () => {
  const replay = [
    { __typename: 'MessageAdded', cursor: 'c1', message: message(1, 'COMPLETE', 'hello') },
    { __typename: 'MessageAdded', cursor: 'c3', message: message(2, 'COMPLETE', REPLY) },
    { __typename: 'MessageAdded', cursor: 'c4', message: message(3, 'COMPLETE', 'and now?') },
    { __typename: 'MessageAdded', cursor: 'c6', message: message(4, 'COMPLETE', REPLY) },
    { __typename: 'CaughtUp', cursor: 'c6' },
  ];
  assert.deepEqual(faultsOf(replay), []);
  replay.forEach((_, index) => assert.notDeepEqual(faultsOf(replay.toSpliced(index, 1)), []));
});

test('a replay follows the order of changes, not of messages', () => {
  const fold = new CheckedFold({ cursor: START });
  fold.apply({ __typename: 'MessageAdded', cursor: 'c1', message: message(1, 'COMPLETE', 'hello') });
  fold.apply({ __typename: 'MessageAdded', cursor: 'c3', message: message(3, 'COMPLETE', 'and now?') });
  fold.apply({ __typename: 'MessageAdded', cursor: 'c5', message: message(2, 'COMPLETE', REPLY) });
  fold.apply({ __typename: 'CaughtUp', cursor: 'c5' });
  assert.deepEqual(fold.finish(STORED.slice(0, 3)), []);
  assert.deepEqual(fold.history, STORED.slice(0, 3));
});

/** A reply that is cancelled, begun anew and finished, while the session is renamed. */
const STEERED = [
  { __typename: 'CaughtUp', cursor: START },
  { __typename: 'MessageAdded', cursor: 'c1', message: message(1, 'COMPLETE', 'hello') },
  { __typename: 'MessageAdded', cursor: 'c2', message: message(2, 'PENDING', '') },
  ...deltas(2).slice(0, 2),
  { __typename: 'MessageChanged', cursor: 'c3', message: message(2, 'CANCELLED', 'Good 👋 ') },
  { __typename: 'SessionChanged', cursor: 'c4', session: { title: 'Tea' } },
  { __typename: 'MessageChanged', cursor: 'c5', message: message(2, 'PENDING', '') },
  ...deltas(2),
  { __typename: 'MessageChanged', cursor: 'c6', message: message(2, 'COMPLETE', REPLY) },
];
const STEERED_WITNESS = STEERED.filter((event) => event.message || event.session)
  .map((event) => ({ cursor: event.cursor, id: event.message?.id ?? 'session' }));

function faultsOfSteered(...connections) {
  const fold = new CheckedFold({ cursor: START, steered: true });
  connections.forEach((events, index) => {
    if (index > 0) fold.reconnected();
    for (const event of events) fold.apply(structuredClone(event));
  });
  return [...fold.finish(STORED.slice(0, 2), { title: 'Tea' }), ...compareFeeds(fold.log, STEERED_WITNESS)];
}

test('a reply that is begun anew folds into its new text, and the session into what it is', () => {
  assert.deepEqual(faultsOfSteered(STEERED), []);
  const fold = new Fold();
  for (const event of STEERED) fold.apply(event);
  assert.deepEqual(fold.history, STORED.slice(0, 2));
  assert.deepEqual(fold.session, { title: 'Tea' });
  assert.equal(fold.cursor, 'c6');
});

test('a replay may bring only the last of what became of a reply', () => {
  const cut = STEERED.findIndex((event) => event.cursor === 'c3');
  const session = STEERED.find((event) => event.session);
  const again = [session, STEERED.at(-1), { __typename: 'CaughtUp', cursor: 'c6' }];
  assert.deepEqual(faultsOfSteered(STEERED.slice(0, cut), again), []);
  assert.deepEqual(faultsOfSteered(STEERED.slice(0, cut + 1), again), []);
});

test('planted: what is final begins again where nobody had it written anew', () => {
  const fold = new CheckedFold({ cursor: START });
  for (const event of STEERED) fold.apply(event);
  assert.notDeepEqual(fold.finish(STORED.slice(0, 2)), []);
});

test('planted: in a steered conversation, an event is lost, comes twice or changes places', () => {
  STEERED.forEach((event, index) => {
    const where = `not noticed at ${index}: ${JSON.stringify(event)}`;
    assert.notDeepEqual(faultsOfSteered(STEERED.toSpliced(index, 1)), [], where);
    assert.notDeepEqual(faultsOfSteered(STEERED.toSpliced(index, 0, event)), [], where);
    const next = STEERED[index + 1];
    if (next) assert.notDeepEqual(faultsOfSteered(STEERED.toSpliced(index, 2, next, event)), [], where);
  });
});

test('planted: an arrival is called a change, or a change an arrival', () => {
  const other = { MessageAdded: 'MessageChanged', MessageChanged: 'MessageAdded' };
  caughtEverywhere((index, event) =>
    event.message && RECORDING.with(index, { ...event, __typename: other[event.__typename] }));
});

test('planted: an event is lost', () => caughtEverywhere((index) => RECORDING.toSpliced(index, 1)));

test('planted: an event comes twice', () =>
  caughtEverywhere((index, event) => RECORDING.toSpliced(index, 0, event)));

test('planted: two neighbours are swapped', () =>
  caughtEverywhere((index, event) => {
    const next = RECORDING[index + 1];
    return next && RECORDING.toSpliced(index, 2, next, event);
  }));

test('planted: an offset is one too low', () =>
  caughtEverywhere(withDelta(({ offset }) => ({ offset: offset - 1 }))));

test('planted: an offset is one too high', () =>
  caughtEverywhere(withDelta(({ offset }) => ({ offset: offset + 1 }))));

test('planted: offsets are counted in UTF-16 units or in bytes', () => {
  const recount = (length) =>
    RECORDING.map((event) =>
      event.__typename === 'ReplyDelta'
        ? { ...event, offset: length([...REPLY].slice(0, event.offset).join('')) }
        : event);
  assert.notDeepEqual(faultsOf(recount((text) => text.length)), []);
  assert.notDeepEqual(faultsOf(recount((text) => Buffer.byteLength(text))), []);
});

test('planted: a delta or an end brings other text', () => {
  caughtEverywhere(withDelta(({ text }) => ({ text: `${text}?` })));
  caughtEverywhere((index, event) =>
    event.message && RECORDING.with(index, { ...event, message: { ...event.message, content: 'else' } }));
});

test('planted: a returning client is given text that contradicts what it has', () => {
  const cut = RECORDING.findIndex((event) => event.__typename === 'ReplyDelta') + 2;
  const again = (text) => [
    { __typename: 'CaughtUp', cursor: 'c2' },
    { __typename: 'ReplyDelta', messageId: 'm2', offset: 0, text },
    ...RECORDING.slice(cut),
  ];
  assert.deepEqual(faultsOf(RECORDING.slice(0, cut), again('Good 👋 ')), []);
  assert.notDeepEqual(faultsOf(RECORDING.slice(0, cut), again('Good 👋')), []);
  assert.notDeepEqual(faultsOf(RECORDING.slice(0, cut), again('Bad 👋 ')), []);
});

test('planted: a feed goes on after its end', () =>
  caughtEverywhere((index) =>
    index > 0 && RECORDING.toSpliced(index, 0, { __typename: 'FeedEnded', reason: 'SERVER_STOPPING', retry: true })));

test('two feeds of one session: a replay may leave out what was overtaken, and nothing else', () => {
  const witness = [['c1', 'm1'], ['c2', 'm2'], ['c3', 'm2'], ['c4', 'm3']].map(([cursor, id]) => ({ cursor, id }));
  const [c1, c2, c3, c4] = witness;
  assert.deepEqual(compareFeeds(witness, witness), []);
  assert.deepEqual(compareFeeds([c1, c3, c4], witness), []);
  assert.notDeepEqual(compareFeeds([c1, c2, c4], witness), [], 'the end of a reply is missing');
  assert.notDeepEqual(compareFeeds([c2, c3, c4], witness), [], 'a message is missing');
  assert.notDeepEqual(compareFeeds([c1, c3, c2, c4], witness), [], 'swapped');
  assert.notDeepEqual(compareFeeds([c1, c2, c2, c3, c4], witness), [], 'repeated');
  assert.notDeepEqual(compareFeeds([...witness, { cursor: 'c9', id: 'm9' }], witness), [], 'invented');
});
