/**
 * The machine's root: a static busybox, node with its libraries, the application, and the init that runs it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../support/project.ts';

/** The parts of a root. */
export interface Parts {
  /** A folder with node_modules/. */
  readonly application: string;
  readonly busybox: string;
  readonly node: string;
  /** Files of this system that have the same path there; and others, with theirs. */
  readonly libraries: readonly (readonly [from: string, to: string])[];
}

const APPLETS = [
  'sh',
  'mount',
  'poweroff',
  'mkdir',
  'chmod',
  'cat',
  'echo',
  'printf',
  'sleep',
  'timeout',
  'tr',
].concat([
  'test',
  'true',
  'false',
  'head',
  'dd',
  'ls',
  'ip',
  'losetup',
  'sha256sum',
  'sync',
  'mkfifo',
  'kill',
  'seq',
  'env',
]);

/** Writes the archive of a root that it makes in `folder`. */
export function makeInitramfs(folder: string, archive: string, parts: Parts): void {
  for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'etc', 'usr/bin'])
    mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(parts.busybox, join(folder, 'bin/busybox'));
  for (const name of APPLETS) execFileSync('ln', ['-s', 'busybox', join(folder, 'bin', name)]);
  execFileSync('ln', ['-s', '/bin/env', join(folder, 'usr/bin/env')]);
  copyFileSync(parts.node, join(folder, 'bin/node'));
  chmodSync(join(folder, 'bin/node'), 0o755);
  for (const [from, to] of parts.libraries) {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    copyFileSync(from, join(folder, to));
  }
  cpSync(parts.application, join(folder, 'app'), { recursive: true, verbatimSymlinks: true });
  copyFileSync(join(root, 'test/kernels/init'), join(folder, 'init'));
  chmodSync(join(folder, 'init'), 0o755);
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  const pack = `find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0`;
  execFileSync('sh', ['-c', pack], { cwd: folder, stdio: ['ignore', openSync(archive, 'w'), 'inherit'] });
}

/** The parts as this system has them. */
export function partsOfThisSystem(application: string, folder: string): Parts {
  const node = join(folder, 'node');
  // Without the symbols it is a third smaller; without strip it stays as it is.
  if (spawnSync('strip', ['-o', node, process.execPath]).status !== 0) copyFileSync(process.execPath, node);
  const koffi = join(application, 'node_modules/@koromix/koffi-linux-x64/linux_x64/koffi.node');
  const listed = [process.execPath, koffi].map((file) => execFileSync('ldd', [file], { encoding: 'utf8' }));
  const paths = listed.join('\n').match(/\/[^\s:()]+/g) ?? [];
  const libraries = [...new Set(paths)].filter((path) => !path.startsWith(application) && existsSync(path));
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  return { application, busybox, node, libraries: libraries.map((path) => [path, path]) };
}
