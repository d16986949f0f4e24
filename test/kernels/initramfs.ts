/**
 * The machine's root: a static busybox, node with its libraries, the application, and the init that runs it.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../support/project.ts';
import type { Parts } from './parts.ts';

/** What of busybox the init and the tests call. */
const APPLETS =
  'sh cat chmod cut dd dmesg echo env false grep head ip kill losetup ls mkdir mkfifo mount poweroff printf sed seq sha256sum sleep sync test timeout tr true';

/** Writes the archive of a root that it makes in `folder`. `application`: a folder with node_modules/. */
export function makeInitramfs(folder: string, archive: string, application: string, parts: Parts): void {
  for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'etc', 'usr/bin'])
    mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(parts.busybox, join(folder, 'bin/busybox'));
  for (const name of APPLETS.split(' ')) symlinkSync('busybox', join(folder, 'bin', name));
  symlinkSync('/bin/env', join(folder, 'usr/bin/env'));
  copyFileSync(parts.node, join(folder, 'bin/node'));
  chmodSync(join(folder, 'bin/node'), 0o755);
  for (const [from, to] of parts.libraries) {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    copyFileSync(from, join(folder, to));
  }
  cpSync(application, join(folder, 'app'), { recursive: true, verbatimSymlinks: true });
  copyFileSync(join(root, 'test/kernels/init'), join(folder, 'init'));
  chmodSync(join(folder, 'init'), 0o755);
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  const pack = `find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0`;
  execFileSync('sh', ['-c', pack], { cwd: folder, stdio: ['ignore', openSync(archive, 'w'), 'inherit'] });
}
