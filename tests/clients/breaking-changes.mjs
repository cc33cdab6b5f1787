// Whether the public schema still says what it said to programs that are out there.
//
// `npm run breaking-changes` prints what changed; the tests fail on a break that is not on the list of those made on
// purpose. docs/CONTRIBUTING.md tells what the base is, and how to break on purpose.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSchema, findBreakingChanges, findDangerousChanges } from 'graphql';

const SCHEMA = 'schema.graphql';
/** The list of what was broken on purpose. */
export const PURPOSE = 'docs/SCHEMA-BREAKS.md';
/** The project's folder. */
export const PROJECT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * What changed between two schemas, in sentences.
 *
 * `breaking`: a program that works may stop working. `dangerous`: one that was written without care may, such as when
 * a union has a new member.
 */
export function compare(before, after) {
  const schemas = [before, after].map((text) => buildSchema(text));
  const sentences = (changes) => changes.map(({ description }) => description);
  return {
    breaking: sentences(findBreakingChanges(...schemas)),
    dangerous: sentences(findDangerousChanges(...schemas)),
  };
}

/** Those of the breaking changes that the list does not name. A line without a reason names nothing, nor does a sample. */
export function unexplained(breaking, list) {
  const said = list.replace(/^```.*?^```$/gms, '');
  const named = new Set([...said.matchAll(/^- `([^`]+)` *(\S.*)$/gm)].map(([, change]) => change));
  return breaking.filter((change) => !named.has(change));
}

/**
 * The schema to compare with, and where it is from; or why there is none.
 *
 * On a branch, the one that it left main with, so that what main has got since does not look removed. On main itself,
 * where nothing is left to compare with, the one before its last change; or main's, while there are changes that are
 * not committed. `named`: any commit, for whoever knows better.
 */
export function base(folder, named = undefined) {
  // A hook's own repository is not the one that is asked about.
  const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, ...env } = process.env;
  const git = (...args) => {
    try {
      const options = { encoding: 'utf8', env, stdio: 'pipe', timeout: 30_000, maxBuffer: 2 ** 26 };
      return execFileSync('git', ['-C', folder, ...args], options);
    } catch (error) {
      // It says no, or it is not installed. Anything else is a fault.
      if (typeof error.status !== 'number' && error.code !== 'ENOENT') throw error;
      return undefined;
    }
  };
  const commit = (name) => git('rev-parse', '--verify', '--quiet', `${name}^{commit}`)?.trim();
  const at = (where, why) => {
    const schema = git('show', `${where}:${SCHEMA}`);
    return schema === undefined ? { none: `${why} has no ${SCHEMA}` } : { schema, from: `${why} (${where.slice(0, 10)})` };
  };

  if (named) {
    const found = commit(named);
    if (!found) throw new Error(`SCHEMA_BASE names no commit: ${named}`);
    return at(found, named);
  }
  const head = commit('HEAD');
  if (!head) return { none: 'git finds no commit here' };
  const main = commit('refs/remotes/origin/main') ?? commit('refs/heads/main') ?? head;
  const left = git('merge-base', head, main)?.trim();
  if (!left) return { none: 'where this branch left main is not in this clone; `git fetch --unshallow` brings it' };
  if (left !== head) return at(left, 'where this branch left main');

  const committed = git('show', `HEAD:${SCHEMA}`);
  if (committed !== readFileSync(path.join(folder, SCHEMA), 'utf8')) return at(head, 'the last commit');
  const changed = git('log', '-1', '--first-parent', '--format=%H', '--', SCHEMA)?.trim();
  const before = changed && commit(`${changed}^`);
  if (before) return at(before, 'before the last change of the schema');
  const shallow = git('rev-parse', '--is-shallow-repository')?.trim() === 'true';
  return {
    none: shallow
      ? 'the schema before its last change is not in this clone; `git fetch --unshallow` brings it'
      : 'this is the first schema',
  };
}

/** What the schema in a folder changes: against what, the two lists, and the breaks that nobody explained. */
export function judge(folder = PROJECT, named = process.env.SCHEMA_BASE) {
  const found = base(folder, named);
  if (found.none) return found;
  const read = (name) => readFileSync(path.join(folder, name), 'utf8');
  const changes = compare(found.schema, read(SCHEMA));
  return { from: found.from, ...changes, unexplained: unexplained(changes.breaking, read(PURPOSE)) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = judge();
  if (result.none) {
    console.log(`Nothing to compare with: ${result.none}.`);
  } else {
    console.log(`Compared with ${result.from}:`);
    for (const change of result.breaking) {
      console.log(`  ${result.unexplained.includes(change) ? 'BREAKS' : 'breaks on purpose'}: ${change}`);
    }
    for (const change of result.dangerous) console.log(`  dangerous, allowed: ${change}`);
    if (result.breaking.length + result.dangerous.length === 0) console.log('  nothing that a client would mind');
    process.exitCode = result.unexplained.length ? 1 : 0;
  }
}
