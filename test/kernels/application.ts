/**
 * The package as somebody gets it who installs it, with the compiled tests beside it: what runs in the machines.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/project.ts';
import type { Architecture } from './apt.ts';

/** Installs the packed package into `folder`, for that architecture, and adds the tests. */
export function makeApplication(folder: string, architecture: Architecture): void {
  mkdirSync(folder, { recursive: true });
  const npm = (...args: string[]) => execFileSync('npm', args, { cwd: root, encoding: 'utf8' });
  npm('pack', '--silent', '--pack-destination', folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm packed nothing');
  writeFileSync(
    join(folder, 'package.json'),
    '{ "name": "application", "type": "module", "private": true }\n',
  );
  const cpu = architecture === 'amd64' ? 'x64' : 'arm64';
  const where = ['--prefix', folder, '--os', 'linux', '--cpu', cpu, '--libc', 'glibc'];
  npm('install', ...where, '--no-audit', '--no-fund', '--silent', join(folder, tarball));
  rmSync(join(folder, tarball));
  addTests(join(folder, 'node_modules', 'tsuring'));
}

/**
 * The tests import what is in lib/ and syscalls/ by path, and 'tsuring' by name: both must be the same modules, those
 * that the package brings in dist/.
 */
function addTests(folder: string): void {
  for (const name of ['lib', 'syscalls']) {
    rmSync(join(folder, name), { recursive: true });
    symlinkSync(join('dist', name), join(folder, name));
  }
  const compiled = join(folder, 'compiled');
  const off = ['declaration', 'declarationMap', 'isolatedDeclarations', 'sourceMap'];
  const flags = ['--noCheck', ...off.flatMap((name) => [`--${name}`, 'false'])];
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  execFileSync(tsc, ['-p', root, '--outDir', compiled, ...flags], { stdio: 'inherit' });
  for (const name of ['test', 'docs']) cpSync(join(compiled, name), join(folder, name), { recursive: true });
  rmSync(compiled, { recursive: true });
  for (const name of ['test/vectors', 'docs/examples'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
}
