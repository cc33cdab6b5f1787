// The example in docs/GUARANTEES.md: it is the file that is tested here, its types hold, and it keeps its promise when
// the connection is cut again and again.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { BASE, randomness, register, startSession } from './parlor.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const example = path.join(here, 'follow.ts');
const source = await readFile(example, 'utf8');
// Beside the packages, so that it finds graphql-ws.
const built = path.join(here, 'node_modules', '.follow');
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000_000);
const MESSAGES = 40;
const PATIENCE_MS = 60_000;

after(() => rm(built, { recursive: true, force: true }));

test('docs/GUARANTEES.md prints the example as it is', async () => {
  const guide = await readFile(path.join(here, '../../docs/GUARANTEES.md'), 'utf8');
  const printed = guide.match(/^```ts\n(.*?)^```$/ms);
  assert.equal(printed?.[1], source);
});

test("the example's types hold", async () => {
  await compile();
});

/** Compiles the example as strictly as can be, beside the packages. */
async function compile() {
  await mkdir(built, { recursive: true });
  await copyFile(example, path.join(built, 'follow.ts'));
  await writeFile(path.join(built, 'package.json'), '{"type": "module"}');
  const options = ['--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext', '--types', ''];
  const tsc = path.join(here, 'node_modules', 'typescript', 'bin', 'tsc');
  const libraries = ['--lib', 'es2022,dom,dom.iterable'];
  try {
    await promisify(execFile)(process.execPath, [tsc, ...options, ...libraries, path.join(built, 'follow.ts')]);
  } catch ({ stdout }) {
    assert.fail(stdout);
  }
}

/** A way to the server on which connections end by chance, a few bytes or a few messages in. */
async function brittle(random) {
  const sockets = new Set();
  let cuts = 0;
  const target = new URL(BASE);
  const way = createServer((client) => {
    const server = connect(Number(target.port), target.hostname);
    let left = 200 + random.upTo(12_000);
    const cut = () => {
      cuts += 1;
      client.destroy();
      server.destroy();
    };
    for (const [from, to] of [[client, server], [server, client]]) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (bytes) => {
        left -= bytes.length;
        if (left < 0 && way.isBrittle) cut();
        else to.write(bytes);
      });
    }
  });
  way.isBrittle = true;
  await new Promise((resolve) => way.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${way.address().port}`,
    get cuts() { return cuts; },
    calm() { way.isBrittle = false; },
    close() {
      way.close();
      sockets.forEach((socket) => socket.destroy());
    },
  };
}

test('the example keeps its promise over connections that are cut', async (t) => {
  await compile();
  // A browser has it; Node.js 20 has not.
  globalThis.WebSocket ??= WebSocket;
  const { Conversation, follow, send } = await import(path.join(built, 'follow.js'));

  const random = randomness(SEED);
  const person = await register('guarantees');
  const session = await startSession(person, 'an example');
  const token = async () => person.token;
  const way = await brittle(random);
  const stop = new AbortController();
  const conversation = new Conversation(session.id, session.cursor);
  const cursors = [];
  let changed = () => {};
  const following = follow(way.url, token, conversation, () => {
    if (conversation.cursor !== cursors.at(-1)) cursors.push(conversation.cursor);
    changed();
  }, stop.signal);
  try {
    for (let number = 0; number < MESSAGES; number += 1) {
      const sent = await send(way.url, token, session.id, `number ${number}`);
      assert.equal(sent.content, `number ${number}`);
    }
    way.calm();
    const view = () => [...conversation.messages.values()].sort((a, b) => a.seq - b.seq);
    // One reply may answer several messages, so their number is not known; each is born or joined with its message.
    const sent = () => view().filter(({ content }) => /^number \d+$/.test(content));
    const isWhole = () => sent().length === MESSAGES && view().every(({ status }) => status === 'COMPLETE');
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`seed ${SEED}: seen so far ${JSON.stringify(view())}`)), PATIENCE_MS);
      changed = () => {
        if (!isWhole()) return;
        clearTimeout(timer);
        resolve();
      };
      changed();
    });
    assert.equal(new Set(cursors).size, cursors.length, `seed ${SEED}: a change came twice`);
    const stored = [];
    for (let before = null, isMore = true; isMore;) {
      const { history: page } = await person.ask(
        `query ($id: ID!, $before: String) {
          history(sessionId: $id, last: 50, before: $before) {
            nodes { id seq status content } pageInfo { startCursor hasPreviousPage }
          }
        }`,
        { id: session.id, before },
      );
      stored.unshift(...page.nodes);
      ({ startCursor: before, hasPreviousPage: isMore } = page.pageInfo);
    }
    assert.deepEqual(view(), stored);
    assert.ok(way.cuts >= 5, `only ${way.cuts} cuts`);
    t.diagnostic(`seed ${SEED}: ${way.cuts} cuts`);
  } finally {
    stop.abort();
    way.close();
    await following;
  }
});
