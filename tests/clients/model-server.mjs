// A real model server with a server of Parlor's before it, for one test: llama.cpp's (scripts/get-llama gets it), a
// recorder that writes down what it is asked, and a Parlor whose chatbots talk to it.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { createServer as createListener } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const python = path.join(root, '.local/llama/bin/python');
const program = process.env.PARLOR_PROGRAM ?? path.join(root, 'target/debug/parlor');

/** What the model server calls its model. */
const MODEL = 'nonsense';

/** Loading libraries and making a database take a while on a busy machine. */
const PATIENCE_MS = 120_000;

/** Why there is no model server here; undefined if there is one. */
export const missing = existsSync(python) ? undefined : 'there is no real model server here: run scripts/get-llama';

/** Starts all three. `parlor`: where Parlor is; `recorder`: what the model server was asked; `stop()` ends them. */
export async function startAll() {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'parlor-model-'));
  // PostgreSQL may run as another user, who must be able to enter.
  await chmod(scratch, 0o711);
  const ends = [() => rm(scratch, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of ends.reverse()) await end();
  };
  try {
    const model = await startModel(scratch, ends);
    const recorder = await record(model, ends);
    const parlor = await startParlor(scratch, recorder.url, ends);
    return { parlor, recorder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startModel(scratch, ends) {
  // It ends when its input does, so also when this process dies.
  const model = spawn(python, [path.join(root, 'tests/model/server.py'), scratch], { stdio: ['pipe', 'pipe', 'ignore'] });
  ends.push(() => ended(model, 'SIGKILL'));
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const [address] = await once(createInterface({ input: model.stdout }), 'line', { signal });
  return address;
}

/**
 * Stands before the model server. `asked`: the bodies of all requests for replies. While it `holds`, an answer stops after
 * its first words. It emits `left` when a caller leaves before the end of its answer.
 */
async function record(model, ends) {
  const asked = [];
  const recorder = new EventEmitter();
  const server = createServer(async (from, to) => {
    const parts = [];
    for await (const part of from) parts.push(part);
    const body = Buffer.concat(parts);
    if (from.method === 'POST') asked.push(JSON.parse(body));
    const { method, headers } = from;
    const on = request(model + from.url, { method, headers: { ...headers, connection: 'close' } }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.on('data', (part) => {
        to.write(part);
        if (recorder.holds && /"content": ?"[^"]/.test(part)) answer.pause();
      });
      answer.on('end', () => to.end());
      answer.on('error', () => to.destroy());
    });
    on.on('error', () => to.destroy());
    to.on('close', () => {
      if (to.writableFinished) return;
      on.destroy();
      recorder.emit('left');
    });
    on.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}`;
  return Object.assign(recorder, { asked, url, holds: false });
}

async function startParlor(scratch, upstream, ends) {
  const free = createListener().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address();
  free.close();
  await once(free, 'close');

  const ours = (name) => /^(PARLOR_|OPENAI_|DATABASE_URL$)/.test(name) && name !== 'PARLOR_PG_BIN';
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours(name)));
  const settings = {
    PARLOR_LISTEN: `127.0.0.1:${port}`,
    PARLOR_DATA_DIR: path.join(scratch, 'data'),
    PARLOR_OPENAI_MODELS: MODEL,
    OPENAI_BASE_URL: `${upstream}/v1`,
    // To this model every letter of a prompt is a token, and it takes in 4,096.
    PARLOR_OPENAI_REPLY: '200',
  };
  const parlor = spawn(program, ['serve'], {
    cwd: scratch,
    env: { ...environment, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  parlor.stderr.on('data', (part) => { said += part; });
  ends.push(() => ended(parlor, 'SIGTERM'));
  const url = `http://127.0.0.1:${port}`;
  const by = Date.now() + PATIENCE_MS;
  const isReady = () => fetch(`${url}/health/ready`).then(({ ok }) => ok, () => false);
  while (!(await isReady())) {
    if (parlor.exitCode !== null || Date.now() > by) throw new Error(`parlor is not ready:\n${said}`);
    await pause(100);
  }
  return url;
}

/** Ends a process and waits until it has. */
async function ended(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
