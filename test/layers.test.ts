/**
 * The order of the layers, held by reading the imports: they point down the list of docs/design.md only.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { root } from './support/project.ts';

/** From the bottom up. A file may import its own layer and those below. What is not named belongs to no layer. */
const layers: readonly (readonly [name: string, files: RegExp])[] = [
  ['syscalls', /^syscalls\//],
  ['cursors', /^lib\/(sqe|cqe|hold|timers)\.ts$/],
  ['protocol', /^lib\/(sq|cq)\.ts$/],
  ['arguments', /^lib\/args\//],
  ['operations', /^lib\/ops\//],
  [
    'ring',
    /^lib\/(state|enter|holds|linger|options|recvmsg-out|buffer-ring|buffer-ring-.*|mapped-view|register\/.*|resources|resize|retry-locked|control-word|share|wait-region|ring-layout|ring|ring-info|ring-memory|setup|diagnose|diagnose\/.*)(\.ts)?$/,
  ],
  ['engine', /^lib\/engine\//],
  ['drop-ins', /^lib\/(fs|net)\//],
  ['the package', /^lib\/index\.ts$/],
  ['the command', /^lib\/(cli\.ts|(cli|sum|doctor)\/.*)$/],
];

interface Import {
  readonly from: string;
  readonly to: string;
  /** Gone when compiled. */
  readonly typeOnly: boolean;
}

const files = [...sources('lib'), ...sources('syscalls')];
const imports = files.flatMap(importsOf);

test('there is something to hold', () => {
  assert.ok(files.length > 60, `${files.length} files`);
  assert.ok(imports.length > 150, `${imports.length} imports`);
  assert.ok(imports.some(({ from, to }) => from === 'lib/state.ts' && to === 'lib/sq.ts'));
  assert.ok(imports.some(({ from, to }) => from === 'lib/cli.ts' && to === 'lib/cli/main.ts'));
});

test('every file belongs to one layer', () => {
  for (const file of files) {
    const own = layers.filter(([, pattern]) => pattern.test(file));
    // A new file: name it in `layers`, in the place that docs/design.md gives it.
    assert.equal(own.length, 1, `${file} belongs to ${own.length} layers`);
  }
});

test('imports point down', () => {
  const wrong = imports.filter(({ from, to }) => inProject(to) && layerOf(to) > layerOf(from));
  assert.deepEqual(wrong.map(show), []);
});

test('only syscalls/libc.ts imports koffi, and nothing else from outside is imported', () => {
  const foreign = imports.filter(({ to }) => !inProject(to) && !to.startsWith('node:'));
  assert.deepEqual([...new Set(foreign.map(show))], ['syscalls/libc.ts -> koffi']);
  // Nor is it loaded by a require: there is one, in libc.ts.
  const naming = files.filter((file) => /['"]koffi['"]/.test(read(file)));
  assert.deepEqual(naming, ['syscalls/libc.ts']);
});

test('syscalls imports nothing of lib', () => {
  const wrong = imports.filter(({ from, to }) => from.startsWith('syscalls/') && to.startsWith('lib/'));
  assert.deepEqual(wrong.map(show), []);
});

test('the core knows nothing of the command', () => {
  const command = layers.length - 1;
  const wrong = imports.filter(
    ({ from, to }) => inProject(to) && layerOf(to) === command && layerOf(from) < command,
  );
  assert.deepEqual(wrong.map(show), []);
});

test('the two subpaths end at their index files', () => {
  const { exports } = JSON.parse(read('package.json'));
  assert.equal(exports['.']['tsuring-source'], './lib/index.ts');
  assert.equal(exports['./syscalls']['tsuring-source'], './syscalls/index.ts');
  assert.deepEqual(
    imports.filter(({ to }) => to === 'lib/index.ts').map(show),
    [],
    'nobody within imports the whole',
  );
});

/** The files that read and write memory which others write to at the same time, and how many calls they have at least. */
const sharing: Record<string, number> = {
  'lib/sq.ts': 5,
  'lib/cq.ts': 5,
  'lib/buffer-ring-entries.ts': 1,
  'lib/control-word.ts': 4,
};

test('the Atomics stand with the protocols, and say what they pair with', () => {
  for (const file of files) {
    if (file in sharing) continue;
    const calls = withoutComments(read(file)).match(/Atomics\.\w+/g) ?? [];
    // A pause waits on memory of its own.
    assert.deepEqual(
      calls.filter((call) => call !== 'Atomics.wait'),
      [],
      file,
    );
  }
  for (const [file, least] of Object.entries(sharing)) {
    const lines = read(file).split('\n');
    const calls = lines.flatMap((line, n) => (/Atomics\.\w+\(/.test(line) ? [n] : []));
    assert.ok(calls.length >= least, file);
    // Each says why, and what it pairs with: the comment stands right above it, or above the call before it.
    for (const n of calls)
      assert.ok(
        /\/\/ /.test(lines[n - 1]) || calls.includes(n - 1),
        `${file}:${n + 1} does not say what it pairs with`,
      );
  }
});

test('a FinalizationRegistry lives as long as its thread', () => {
  // One that becomes garbage can silence all others: test/engine-finalizers.test.ts.
  const made = files.flatMap((file) =>
    read(file)
      .split('\n')
      .filter((line) => line.includes('new FinalizationRegistry'))
      .map((line) => ({ file, line })),
  );
  assert.ok(made.length >= 5, `${made.length}`);
  for (const { file, line } of made) assert.match(line, /^const |^ {2}static readonly /, file);
});

test('no file imports itself through others', () => {
  const below = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports)
    if (!typeOnly && inProject(to)) below.set(from, [...(below.get(from) ?? []), to]);
  const done = new Set<string>();
  const walk = (file: string, path: string[]): void => {
    const at = path.indexOf(file);
    assert.equal(at, -1, [...path.slice(at), file].join(' -> '));
    if (done.has(file)) return;
    for (const next of below.get(file) ?? []) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
});

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? sources(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(file: string): Import[] {
  const text = withoutComments(read(file));
  const found = [
    ...text.matchAll(/^\s*(?:import|export)\s+(type\s)?[^'";]*?\sfrom\s+'([^']+)'/gm),
    ...text.matchAll(/^\s*import\s+()'([^']+)'/gm),
    // A dynamic import is made when it is asked for: it closes no circle.
    ...text.matchAll(/\bimport\((type )?\s*'([^']+)'\s*\)/g),
  ];
  return found.map(([whole, type, to]) => ({
    from: file,
    to: to.startsWith('.') ? normalize(join(dirname(file), to)) : to,
    typeOnly: type !== undefined && type !== '' ? true : whole.startsWith('import('),
  }));
}

function layerOf(file: string): number {
  const index = layers.findIndex(([, pattern]) => pattern.test(file));
  assert.notEqual(index, -1, `${file} belongs to a layer`);
  return index;
}

function inProject(path: string): boolean {
  return path.startsWith('lib/') || path.startsWith('syscalls/');
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

function show({ from, to }: Import): string {
  return `${from} -> ${to}`;
}
