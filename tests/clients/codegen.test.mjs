// The generator's client preset on schema.graphql, and a program in strict TypeScript that uses what it writes.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BASE, freshName } from './parlor.mjs';

const folder = fileURLToPath(new URL('codegen', import.meta.url));
const { resolve } = createRequire(import.meta.url);

/** Runs a program of Node's in the folder; what it prints is shown if it fails. */
async function run(program, args) {
  const options = { cwd: folder, timeout: 120_000, env: { ...process.env, PARLOR_URL: BASE } };
  try {
    return (await promisify(execFile)(process.execPath, [program, ...args], options)).stdout;
  } catch (error) {
    throw new Error(`${error.message}\n${error.stdout}`);
  }
}

before(async () => {
  for (const name of ['gql', 'built']) await rm(path.join(folder, name), { recursive: true, force: true });
});

test('types are generated from the schema, and a strict program of all kinds of operations compiles with them', async () => {
  await run(path.join(path.dirname(resolve('@graphql-codegen/cli/package.json')), 'esm/bin.js'), ['--config', 'codegen.ts']);
  // The program also holds lines that must not compile, and says so to the compiler.
  await run(path.join(path.dirname(resolve('typescript/package.json')), 'bin/tsc'), ['--project', '.']);
});

test('the program runs', async () => {
  const username = freshName('wim');
  const lines = (await run(path.join(folder, 'built/chat.js'), [username])).trim().split('\n');
  const last = JSON.parse(lines.pop());
  assert.deepEqual([last.role, last.more], ['MEMBER', false]);
  assert.deepEqual(lines, [`1 ${username}: hello`, `2 @parlor: ${last.reply}`]);
});
