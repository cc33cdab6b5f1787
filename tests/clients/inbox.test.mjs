// The list of sessions that a frontend keeps from its inbox alone, over connections that break at any moment: in the end
// it says what the server's own list says. With the cursor that is not kept, it does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomness, register, send } from './parlor.mjs';
import { CUTS, Watcher } from './watcher.mjs';

const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000_000);
const ROUNDS = 30;

const SHOWN = 'id title unreadCount archived lastMessage { seq content status }';

const INBOX = `
  subscription Inbox($after: String) {
    inbox(after: $after) {
      __typename
      ... on SessionAdded { cursor session { ...shown } }
      ... on SessionUpdated { cursor session { ...shown } }
      ... on SessionRemoved { cursor sessionId }
      ... on CaughtUp { cursor }
      ... on FeedEnded { reason retry }
    }
  }
  fragment shown on Session { ${SHOWN} }`;

/** What a frontend holds: its sessions by id, and where to come back to. */
class List {
  sessions = new Map();
  cursor = null;
  caughtUp = false;

  apply(event) {
    assert.notEqual(event.__typename, 'FeedEnded', event.reason);
    this.cursor = event.cursor;
    if (event.session) this.sessions.set(event.session.id, event.session);
    if (event.sessionId) this.sessions.delete(event.sessionId);
    if (event.__typename === 'CaughtUp') this.caughtUp = true;
  }

  equals(listed) {
    const own = [...this.sessions.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    return JSON.stringify(own) === JSON.stringify(listed);
  }
}

function watch(person, list) {
  const variables = { get after() { return list.cursor; } };
  return new Watcher(person, { query: INBOX, variables }, ({ inbox }) => list.apply(inbox));
}

async function listed(person) {
  const { sessions } = await person.ask(`{ sessions(first: 200) { nodes { ${SHOWN} } } }`);
  return sessions.nodes.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A friend begins sessions with somebody, speaks in them, and takes them away. */
async function act(chance, friend, person, ids) {
  const id = ids.length ? chance.oneOf(ids) : null;
  const kind = chance.upTo(9);
  if (!id || kind < 3) {
    const { startSession } = await friend.ask(
      `mutation Start($input: StartSessionInput!) { startSession(input: $input) { id } }`,
      { input: { title: `${ids.length}`, usernames: [person.username], chatbots: [] } },
    );
    ids.push(startSession.id);
  } else if (kind < 8) {
    await send(friend, { sessionId: id, content: `hello ${chance.upTo(1000)}` });
  } else {
    await friend.ask(`mutation Delete($id: ID!) { deleteSession(id: $id) }`, { id });
    ids.splice(ids.indexOf(id), 1);
  }
}

test('the list kept from an inbox that is cut again and again is the list', async () => {
  console.log(`# seed ${SEED}`);
  const chance = randomness(SEED);
  const [person, friend] = [await register('guest'), await register('friend')];
  const list = new List();
  const watcher = watch(person, list);
  try {
    await watcher.until(() => list.caughtUp, 'the beginning');
    const ids = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const cut = watcher.cutAfter({
        kind: chance.oneOf(CUTS), events: 1 + chance.upTo(3), ms: 300, pauseMs: chance.upTo(30),
      });
      await act(chance, friend, person, ids);
      await act(chance, friend, person, ids);
      await cut;
    }
    const stored = await listed(person);
    await watcher.until(() => list.equals(stored), 'the list');
    assert.ok(watcher.cuts === ROUNDS && stored.length > 0);
  } finally {
    watcher.close();
  }
});

test('a frontend that does not keep its cursor misses what happened meanwhile', async () => {
  const [person, friend] = [await register('guest'), await register('friend')];
  const list = new List();
  const first = watch(person, list);
  await first.until(() => list.caughtUp, 'the beginning');
  first.close();
  await act(randomness(1), friend, person, []);
  Object.assign(list, { cursor: null, caughtUp: false });
  const second = watch(person, list);
  await second.until(() => list.caughtUp, 'the beginning');
  second.close();
  assert.ok(!list.equals(await listed(person)));
});
