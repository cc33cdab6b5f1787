// What the README prints is what a newcomer types first, so it is run here as it stands: only the server's address is
// replaced. The headings and the languages of the fenced blocks are the markers; keep them.
//
// It registers `ada`, as the README does, so it wants a server where nobody has yet.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BASE, graphql } from './parlor.mjs';
import { stretch } from './wire.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const readme = await readFile(path.join(here, '../../README.md'), 'utf8');
const PRINTED = '127.0.0.1:8000';

/** The fenced blocks of one language under a heading of the README, up to the next heading. */
function blocks(heading, language) {
  const section = readme.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section, `the README has no heading "${heading}"`);
  const found = [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  return found.filter(([, its]) => its === language).map(([, , text]) => text);
}

/** Types the blocks into one shell, and gives what each of them printed: no error, and nothing beside it. */
async function type(commands, { cwd, env } = {}) {
  const between = '=== next ===';
  const script = commands.join(`\necho; echo '${between}'\n`).replaceAll(`http://${PRINTED}`, BASE);
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    cwd,
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  assert.equal(stderr, '');
  assert.doesNotMatch(stdout, /"errors"/);
  return stdout.split(between).map((output) => output.trim());
}

let token;
let session;

test('the first conversation in the README, typed as it is printed', async () => {
  const commands = blocks('A first conversation', 'sh');
  assert.ok(commands.length >= 3, `only ${commands.length} blocks`);
  for (const text of commands) assert.ok(text.includes(`http://${PRINTED}/`), text);

  const outputs = await type([...commands, 'printf "%s\\n%s" "$TOKEN" "$SESSION"']);
  assert.equal(outputs[0], '', 'registering prints nothing, the token is kept');
  const { reply } = JSON.parse(outputs[1]).data.sendMessage;
  assert.ok(reply.content.length > 10, 'the chatbot has something to say');
  assert.equal(reply.status, 'COMPLETE');
  const { nodes } = JSON.parse(outputs[2]).data.history;
  assert.deepEqual(nodes.slice(-2).map((message) => message.content), ['Hello! What can you do?', reply.content]);
  assert.ok(nodes.every((message) => message.status === 'COMPLETE'));
  [token, session] = outputs.at(-1).split('\n');

  // "Run that once more and nothing is sent."
  const again = commands[1].replaceAll(`http://${PRINTED}`, BASE);
  const repeated = await promisify(execFile)('bash', ['--norc', '-euc', again], { env: { ...process.env, TOKEN: token } });
  assert.equal(repeated.stdout.trim(), outputs[1]);
  const stored = await graphql(
    'query Read($id: ID!) { history(sessionId: $id, last: 10) { nodes { seq } } }',
    { id: session },
    token,
  );
  assert.equal(stored.history.nodes.length, nodes.length);
});

test('the program in the README follows a reply, also when its connection is cut in the middle', async () => {
  assert.ok(token, 'the first conversation went wrong');
  const [program, ...others] = blocks('Watch it live', 'js');
  assert.deepEqual(others, []);
  assert.ok(program.includes(`ws://${PRINTED}/`));

  // Between the program and the server stands a wire that can be cut.
  const wire = await stretch();

  // It must lie where its imports are found.
  const folder = await mkdtemp(path.join(here, '.readme-'));
  const file = path.join(folder, 'watch.mjs');
  await writeFile(file, program.replaceAll(PRINTED, wire.host));
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, TOKEN: token, SESSION: session },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  after(async () => {
    child.kill('SIGKILL');
    wire.close();
    await rm(folder, { recursive: true, force: true });
  });

  let printed = '';
  const seen = (pattern, from = 0) =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (!pattern.test(printed.slice(from))) return;
        clearTimeout(timer);
        child.stdout.off('data', look);
        resolve();
      };
      const timer = setTimeout(() => reject(new Error(`no ${pattern} in 30 s:\n${printed}`)), 30_000);
      child.stdout.on('data', look);
      look();
    });
  child.stdout.on('data', (chunk) => { printed += chunk; });
  child.stderr.on('data', (chunk) => { printed += chunk; });

  await seen(/^CaughtUp/m);
  const [say, ...more] = blocks('Watch it live', 'sh');
  assert.deepEqual(more, []);
  const env = { ...process.env, TOKEN: token, SESSION: session };
  const said = await promisify(execFile)('bash', ['--norc', '-euc', say.replaceAll(`http://${PRINTED}`, BASE)], { env });
  const { seq } = JSON.parse(said.stdout).data.sendMessage.message;
  await seen(/^ReplyDelta/m);
  const cutAt = printed.length;
  wire.cut();
  await seen(/^CaughtUp/m, cutAt);
  await seen(/^MessageChanged .+$/m, cutAt);
  assert.equal(printed.match(/^MessageAdded help$/gm).length, 1, printed);
  const stored = await graphql(
    'query Read($id: ID!) { history(sessionId: $id, last: 1) { nodes { seq content status } } }',
    { id: session },
    token,
  );
  const [reply] = stored.history.nodes;
  assert.deepEqual([reply.seq, reply.status], [seq + 1, 'COMPLETE']);
  assert.deepEqual(printed.slice(cutAt).match(/^MessageChanged .+$/gm), [`MessageChanged ${reply.content}`]);
});

test('a visit in the README, typed as it is printed, and the owner who takes over', async () => {
  assert.ok(token, 'the first conversation went wrong');
  const commands = blocks('Visitors', 'sh');
  assert.equal(commands.length, 3);
  const outputs = await type([...commands, 'printf "%s" "$VISIT"'], { env: { TOKEN: token } });
  const [came, said, taken, visit] = outputs;
  assert.equal(came, '', 'the answer is kept');
  assert.equal(JSON.parse(said).data.sendMessage.reply.status, 'COMPLETE');
  const { updateSession, sendMessage } = JSON.parse(taken).data;
  assert.deepEqual(updateSession, { title: 'Zoë', chatbotsPaused: true });
  assert.deepEqual(sendMessage, { message: { status: 'COMPLETE' }, reply: null });
  const seen = await graphql('query Visit($id: ID!) { session(id: $id) { kind unreadCount } }', { id: visit }, token);
  assert.deepEqual(seen.session, { kind: 'VISIT', unreadCount: 0 });
});

test('the account in the README, typed as it is printed', async () => {
  assert.ok(token, 'the first conversation went wrong');
  const commands = blocks('Your account', 'sh');
  assert.equal(commands.length, 5, 'profile, password, downloads, signing out, leaving');
  for (const text of commands) assert.ok(text.includes(`http://${PRINTED}/`) || text.includes(`http://${PRINTED}$LINK`), text);
  const [profile, password, downloads, signOut, leave] = commands;

  const folder = await mkdtemp(path.join(tmpdir(), 'parlor-readme-'));
  after(() => rm(folder, { recursive: true, force: true }));
  const env = { TOKEN: token, SESSION: session };
  const [changed, , , printed, out] = await type(
    [profile, password, downloads, 'printf %s "$TOKEN"', signOut],
    { cwd: folder, env },
  );
  const ada = { displayName: 'Ada Lovelace', bio: 'Counts.', email: 'ada@example.net' };
  assert.deepEqual(JSON.parse(changed).data.updateProfile, ada);
  assert.notEqual(printed, token, 'the new password came with another token');
  assert.equal(JSON.parse(out).data.logout, true);

  // Two files, named by the server.
  const files = await readdir(folder);
  const named = (ending) => readFile(path.join(folder, files.find((file) => file.endsWith(ending))), 'utf8');
  assert.equal(files.length, 2, files.join());
  const lines = (await named('.jsonl')).trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(lines.some((line) => JSON.stringify(line).includes('ada@example.net')));
  assert.match(await named('.md'), /Hello! What can you do\?/);

  for (const old of [token, printed]) await assert.rejects(graphql('{ me { id } }', {}, old), /UNAUTHENTICATED/);
  const { login } = await graphql(
    'mutation Login($input: LoginInput!) { login(input: $input) { accessToken } }',
    { input: { username: 'ada', password: 'sieben kleine Wale singen' } },
  );
  const [left] = await type([leave], { env: { TOKEN: login.accessToken } });
  assert.equal(JSON.parse(left).data.deleteAccount, true);
  await assert.rejects(graphql('{ me { id } }', {}, login.accessToken), /UNAUTHENTICATED/);
});
