// No program that works today stops working tomorrow: the schema against the one that clients have, and the check
// itself against breaks planted in the schema and repositories as they come. It needs no server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { PROJECT, PURPOSE, compare, judge, unexplained } from './breaking-changes.mjs';

const schema = await readFile(path.join(PROJECT, 'schema.graphql'), 'utf8');

test('the schema breaks nothing that was not meant to break', (t) => {
  const result = judge();
  if (result.none) return t.skip(`nothing to compare with: ${result.none}`);
  t.diagnostic(`compared with ${result.from}`);
  for (const change of result.breaking) t.diagnostic(`breaks: ${change}`);
  for (const change of result.dangerous) t.diagnostic(`dangerous, allowed: ${change}`);
  assert.deepEqual(
    result.unexplained,
    [],
    `these changes break programs that work today. If that is meant, say why in ${PURPOSE}`,
  );
});

// --- what is a break ---------------------------------------------------------------------------

/** The schema with one thing changed. */
function planted(from, to) {
  const text = schema.replace(from, to);
  assert.notEqual(text, schema, `the schema has no ${from}`);
  return text;
}

const BREAKS = [
  ['a field is gone', /^\tunreadCount: Int!$/m, '\tunread: Int!', 'Session.unreadCount was removed.'],
  [
    'a field may be null',
    /^\tcontent: String!(?=\n\t"""\n\tHow far)/m,
    '\tcontent: String',
    'Message.content changed type from String! to String.',
  ],
  ['an argument is gone', /(?<=^\tnode\()[^)]*(?=\))/m, 'other: ID', 'Query.node arg id was removed.'],
  [
    'an argument is demanded',
    /^\t\tlast: Int = 50,$/m,
    '\t\tlast: Int = 50,\n\t\torder: String!,',
    'A required arg order on Query.history was added.',
  ],
  [
    'an input demands more',
    /^\tdisplayName: String$/m,
    '\tdisplayName: String!',
    'ProfileInput.displayName changed type from String to String!.',
  ],
  ['a value is gone', /^\tCANCELLED$/m, '\tSTOPPED', 'CANCELLED was removed from enum type MessageStatus.'],
  [
    'a member is gone',
    ' | ReplyDelta | CommandReplied',
    ' | CommandReplied',
    'ReplyDelta was removed from union type SessionEvent.',
  ],
  [
    'an object is no Node any more',
    'type Chatbot implements Node {',
    'type Chatbot {',
    'Chatbot no longer implements interface Node.',
  ],
];

for (const [what, from, to, sentence] of BREAKS) {
  test(`it is a break when ${what}`, () => {
    const { breaking } = compare(schema, planted(from, to));
    assert.ok(breaking.includes(sentence), JSON.stringify(breaking));
    assert.deepEqual(unexplained(breaking, '# Nothing\n'), breaking);
  });
}

test('what is added breaks nothing', () => {
  let text = planted(/^\tunreadCount: Int!$/m, '\tunreadCount: Int!\n\tpinned(by: ID): Boolean');
  text = text.replace(/^\t\tlast: Int = 50,$/m, '\t\tlast: Int = 50,\n\t\torder: String,');
  text = text.replace('input LoginInput {', 'input LoginInput {\n\tdevice: String');
  text += '\ntype Later implements Node { id: ID! }\n';
  assert.notEqual(text, schema);
  assert.deepEqual(compare(schema, text).breaking, []);
});

test('a new member of a union and a new value of an enum are dangerous and allowed', () => {
  const text = planted('SessionChanged | CaughtUp | FeedEnded', 'SessionChanged | CaughtUp | FeedEnded | Later')
    .replace(/^\tPENDING$/m, '\tPENDING\n\tQUEUED')
    .concat('\ntype Later { cursor: String! }\n');
  assert.deepEqual(compare(schema, text), {
    breaking: [],
    dangerous: [
      'QUEUED was added to enum type MessageStatus.',
      'Later was added to union type SessionEvent.',
    ],
  });
});

test('a break is meant when the list names exactly it and says why', () => {
  const breaking = ['Session.unreadCount was removed.', 'Message.seq was removed.'];
  const list = '- `Session.unreadCount was removed.` Nobody could say what it counted.\n- `Message.seq was removed.`\n';
  assert.deepEqual(unexplained(breaking, list), ['Message.seq was removed.'], 'the second has no reason');
  assert.deepEqual(unexplained(breaking, `\`\`\`\n${list}\`\`\`\n`), breaking, 'a sample in the text is no entry');
});

// --- what it is compared with --------------------------------------------------------------------

const ONE = 'type Query { one: Int }\n';
const TWO = 'type Query { one: Int two: Int }\n';
const OTHER = 'type Query { one: Int other: Int }\n';
const BROKEN = 'type Query { two: Int }\n';

/** A repository of the test's own. */
async function repository(t) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parlor-schema-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return new Repository(folder);
}

class Repository {
  constructor(folder) {
    this.folder = folder;
    this.git('init', '--quiet', '--initial-branch=main', '.');
  }

  git(...args) {
    // Nothing of whoever runs the tests: no name, no hooks, no signatures.
    const env = { ...process.env, GIT_CONFIG_GLOBAL: os.devNull, GIT_CONFIG_SYSTEM: os.devNull };
    for (const name of ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE']) delete env[name];
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'protocol.file.allow=always'];
    return execFileSync('git', ['-C', this.folder, ...who, ...args], { encoding: 'utf8', env, stdio: 'pipe' });
  }

  async write(text, list = '# None\n') {
    await mkdir(path.join(this.folder, 'docs'), { recursive: true });
    await writeFile(path.join(this.folder, 'schema.graphql'), text);
    await writeFile(path.join(this.folder, PURPOSE), list);
  }

  async commit(text, list) {
    await this.write(text, list);
    this.git('add', '.');
    this.git('commit', '--quiet', '--allow-empty', '--message', 'a change');
  }

  judge(named) {
    return judge(this.folder, named);
  }

  clone(name, ...options) {
    this.git('clone', '--quiet', ...options, `file://${this.folder}`, path.join(this.folder, name));
    const clone = Object.create(Repository.prototype);
    return Object.assign(clone, { folder: path.join(this.folder, name) });
  }
}

test('a clean clone of main is compared with the schema before its last change', async (t) => {
  const origin = await repository(t);
  await origin.commit(TWO);
  await origin.commit(BROKEN);
  await origin.commit(BROKEN); // Something else changed since.
  const clone = origin.clone('clean');
  assert.match(clone.judge().from, /^before the last change/);
  assert.deepEqual(clone.judge().unexplained, ['Query.one was removed.']);

  await origin.commit(BROKEN, '- `Query.one was removed.` It was a mistake.\n');
  const mended = origin.clone('mended').judge();
  assert.deepEqual([mended.breaking, mended.unexplained], [['Query.one was removed.'], []]);
});

test('a branch is compared with what it left, not with what main has got since', async (t) => {
  const origin = await repository(t);
  await origin.commit(ONE);
  const clone = origin.clone('mine');
  clone.git('switch', '--quiet', '--create', 'mine');
  await clone.commit(OTHER);
  await origin.commit(TWO); // Main goes on, and `two` is not in the branch.
  clone.git('fetch', '--quiet');
  assert.match(clone.judge().from, /^where this branch left main/);
  assert.deepEqual(clone.judge().breaking, []);

  await clone.commit('type Query { other: Int }\n');
  await clone.commit('type Query { other: Int more: Int }\n'); // Not only the last commit counts.
  assert.deepEqual(clone.judge().unexplained, ['Query.one was removed.']);
});

test('commits of main that were not pushed are compared with what was', async (t) => {
  const origin = await repository(t);
  await origin.commit(TWO);
  const clone = origin.clone('ahead');
  await clone.commit(BROKEN);
  await clone.commit('type Query { two: Int three: Int }\n');
  assert.deepEqual(clone.judge().unexplained, ['Query.one was removed.']);
});

test('what is not committed counts', async (t) => {
  const own = await repository(t);
  await own.commit(ONE);
  await own.commit(TWO);
  await own.write(BROKEN);
  assert.match(own.judge().from, /^the last commit/);
  assert.deepEqual(own.judge().unexplained, ['Query.one was removed.']);
});

test('a clone that is too shallow to know says so', async (t) => {
  const origin = await repository(t);
  await origin.commit(TWO);
  await origin.commit(BROKEN);
  await origin.commit(BROKEN);
  assert.match(origin.clone('shallow', '--depth=1').judge().none, /fetch --unshallow/);
  assert.deepEqual(origin.clone('deeper', '--depth=3').judge().unexplained, ['Query.one was removed.']);
});

test('without a history there is nothing to compare with', async (t) => {
  const own = await repository(t);
  await own.write(ONE);
  assert.match(own.judge().none, /no commit here/);
  await own.commit(ONE);
  assert.match(own.judge().none, /first schema/);
});

test('any commit can be named to compare with', async (t) => {
  const own = await repository(t);
  await own.commit(TWO);
  await own.commit(BROKEN);
  await own.commit('type Query { two: Int three: Int }\n');
  assert.deepEqual(own.judge().breaking, []);
  assert.deepEqual(own.judge('HEAD~2').unexplained, ['Query.one was removed.']);
  assert.throws(() => own.judge('nothing'), /names no commit/);
});
