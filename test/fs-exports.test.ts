/**
 * What tsuring/fs exports: all that node:fs/promises of the running Node does, and what serves it; nothing else.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import nodes, * as nodesNames from 'node:fs/promises';
import { test } from 'node:test';
import ours, * as ourNames from 'tsuring/fs';
import { type FsBackend, fsBackend } from 'tsuring/fs';

/** Those that are not simply Node's. */
const TAKEN_OVER = ['rm', 'open', 'readFile', 'writeFile', 'appendFile'];
/** What the default export says beside them. */
const OWN = ['backend', 'reason'];

type Names = Readonly<Record<string, unknown>>;
const [nodesDefault, oursDefault] = [nodes, ours] as unknown as Names[];
const [nodesNamed, oursNamed] = [nodesNames, ourNames] as unknown as Names[];

function functionsOf(names: Names): string[] {
  return Object.keys(names).filter((name) => name !== 'default' && typeof names[name] === 'function');
}

test('every name of node:fs/promises is exported, one more, and what require() gives', () => {
  const names = Object.keys(nodesNamed);
  assert.ok(names.includes('readFile') && names.includes('default'));
  assert.deepEqual(Object.keys(oursNamed).sort(), [...names, 'fsBackend', 'module.exports'].sort());
});

test('the default export has the same members, and says what serves them', () => {
  assert.deepEqual(Object.keys(oursDefault).sort(), Object.keys(nodesDefault).sort());
  // A copy of the functions has them not: to ask makes a ring.
  for (const name of OWN) assert.ok(name in oursDefault, name);
  assert.equal(Object.keys(nodesDefault).includes('backend'), false);
});

test('what is named is what the default export has', () => {
  for (const name of Object.keys(nodesDefault)) assert.equal(oursNamed[name], oursDefault[name], name);
});

test('what is a function is one of the same name', () => {
  const names = functionsOf(nodesNamed);
  assert.ok(names.length > 25, `${names.length}`);
  for (const name of names) {
    const [ourFunction, nodesFunction] = [oursNamed[name], nodesNamed[name]] as (() => void)[];
    assert.equal(typeof ourFunction, 'function', name);
    // Not always that of the export: Node's `watch` is called something else.
    assert.equal(ourFunction.name, nodesFunction.name);
  }
});

test('what is not taken over is Node’s own', () => {
  const own = Object.keys(nodesNamed).filter((name) => name !== 'default' && !TAKEN_OVER.includes(name));
  for (const name of own) assert.equal(oursNamed[name], nodesNamed[name], name);
  for (const name of TAKEN_OVER) assert.notEqual(oursNamed[name], nodesNamed[name], name);
});

test('the constants are those of node:fs', () => {
  assert.equal(ourNames.constants, constants);
  assert.equal(ours.constants, constants);
});

test('the functions need no `this`', async () => {
  const { readFile, open } = ours;
  const path = new URL(import.meta.url);
  const handle = await open(path);
  assert.equal(await handle.readFile('latin1'), await readFile(path, 'latin1'));
  await handle.close();
});

test('a function of Node that is replaced later does not become ours', async () => {
  const { readFile, stat } = nodes;
  const replaced = () => Promise.reject(new Error('replaced'));
  Object.assign(nodes, { readFile: replaced, stat: replaced });
  try {
    // A directory, and a path that is given as bytes: both go to Node.
    await assert.rejects(ours.readFile(Buffer.from('/')), { code: 'EISDIR' });
    assert.ok((await ours.stat('/')).isDirectory());
  } finally {
    Object.assign(nodes, { readFile, stat });
  }
});

test('the backend and the reason are told in both ways, and are not to be written', () => {
  const told: FsBackend = fsBackend();
  assert.deepEqual({ backend: ours.backend, reason: ours.reason }, told);
  assert.equal(told.backend === 'io_uring', told.reason === null);
  assert.throws(() => Object.assign(ours, { backend: 'node' }), TypeError);
  assert.deepEqual(fsBackend(), told);
});
