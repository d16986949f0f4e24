/**
 * `npm run test:consumer`: the package as somebody who installs it gets it. Packs it, installs the tarball into an
 * empty folder, imports all subpaths from JavaScript and from TypeScript, reads a file through a ring and an engine, runs
 * the command, and follows a declaration map into the shipped source.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const project = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'tsuring-consumer-'));
try {
  const tarball = pack();
  writeProject();
  run('npm', ['install', '--no-audit', '--no-fund', tarball]);
  const javascript = run('node', ['read.mjs']);
  expect(
    javascript,
    `read ${readFileSync(join(folder, 'package.json')).length} bytes, res of a bad enter -9\n`,
  );
  expect(run('node', ['required.cjs']), 'io_uring function changed\n');
  run(join(project, 'node_modules', '.bin', 'tsc'), ['-p', '.']);
  expect(run('node', ['typed.js']), javascript);
  expectSource();
  expect(run('npx', ['tsuring', '--version']), `tsuring ${packageVersion()}\n`);
  const sum = run('sha256sum', ['read.mjs']);
  expect(run('npx', ['tsuring', 'sum', 'read.mjs']), sum);
  process.stdout.write('The packed package works for a consumer.\n');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function pack(): string {
  const output = execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', folder], {
    cwd: project,
    encoding: 'utf8',
  });
  const parsed: unknown = JSON.parse(output.slice(output.search(/^[[{]/m)));
  // npm 11 gives an array, npm 12 an object by name.
  const [packed] = Object.values(parsed as Record<string, { filename: string }>);
  return join(folder, packed.filename);
}

function writeProject(): void {
  const program = (ring: string) => `import { readFileSync, openSync } from 'node:fs';
import { IoUring, IoUringState, read } from 'tsuring';
import fs, { open } from 'tsuring/fs';
import { EBADF, ioUringEnter, UringError } from 'tsuring/syscalls';
const buffer = Buffer.alloc(65536);
const ring${ring} = new IoUringState(8);
const sqe = ring.getSqe();
if (sqe === null) throw new Error('a new ring is never full');
read(sqe, openSync('package.json', 'r'), buffer, buffer.length, 0);
ring.commitSqe();
ring.submit();
const cqe = ring.waitCqe();
if (cqe === null || !buffer.subarray(0, cqe.res).equals(readFileSync('package.json'))) throw new Error('read wrongly');
const bad = ioUringEnter(-1, 0, 0, 0);
if (bad !== -EBADF) throw new Error('wrong errno');
console.log(\`read \${cqe.res} bytes, res of a bad enter \${bad}\`);
ring.close();
let closed;
try {
  ring.submit();
} catch (error) {
  closed = error;
}
// The three subpaths have their classes in common.
if (!(closed instanceof UringError)) throw new Error('another UringError');
const engine = new IoUring();
const fd = await engine.openat('package.json');
const [first, { size }] = await Promise.all([engine.read(fd, buffer, { offset: 0 }), engine.fstatx(fd)]);
if (BigInt(first) !== size) throw new Error('read wrongly with promises');
for await (const chunk of engine.readMultishot(fd)) if (chunk.length !== first) throw new Error('iterated wrongly');
await engine.closeFd(fd);
await engine.close();
const bytes = await fs.readFile('package.json');
const names = [fs.open, fs.readFile, fs.writeFile, fs.appendFile, fs.rm].map(({ name }) => name).join(' ');
if (names !== 'open readFile writeFile appendFile rm') throw new Error('names were lost: ' + names);
if (bytes.length !== first || fs.backend !== 'io_uring') throw new Error('read wrongly by tsuring/fs');
const handle = await open('package.json');
if ((await handle.read(buffer, 0, 10, 0)).bytesRead !== 10) throw new Error('read wrongly by a FileHandle');
await handle.close();
`;
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write('package.json', '{ "name": "consumer", "type": "module", "private": true }\n');
  write('read.mjs', program(''));
  write(
    'required.cjs',
    "const fs = require('tsuring/fs');\nfs.stat = 'changed';\nconsole.log(fs.backend, typeof fs.fsBackend, fs.stat);\n",
  );
  write('typed.ts', program(': IoUringState'));
  const options = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    types: ['node'],
    skipLibCheck: false,
  };
  const typeRoots = [join(project, 'node_modules', '@types')];
  const tsconfig = { compilerOptions: { ...options, lib: ['es2023'], typeRoots }, files: ['typed.ts'] };
  write('tsconfig.json', JSON.stringify(tsconfig));
}

/** The maps of the declarations and of the bundles lead to what is there. */
function expectSource(): void {
  for (const name of ['state.d.ts.map', 'index.js.map', 'fs/index.js.map']) {
    const map = join(folder, 'node_modules', 'tsuring', 'dist', 'lib', name);
    const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] };
    for (const source of sources) {
      const path = resolve(dirname(map), source);
      const inside = existsSync(path) && realpathSync(path).startsWith(realpathSync(folder));
      if (!inside) throw new Error(`${name} leads to ${path}, which is not in the package`);
    }
  }
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string }).version;
}

function run(command: string, args: string[]): string {
  return execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function expect(actual: string, expected: string): void {
  if (actual !== expected)
    throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}
