/**
 * The package as somebody gets it who installs it, with the compiled tests beside it: what runs in the machines.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { root } from '../support/project.ts';
import type { Architecture } from './apt.ts';
import { CPU } from './parts.ts';

/** Packs the project into a tarball in `folder`, and compiles its tests to `folder`/compiled. The tarball's path. */
export function pack(folder: string): string {
  npm('pack', '--silent', '--pack-destination', folder);
  const off = ['declaration', 'declarationMap', 'isolatedDeclarations', 'sourceMap'];
  const flags = ['--noCheck', ...off.flatMap((name) => [`--${name}`, 'false'])];
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  execFileSync(tsc, ['-p', root, '--outDir', join(folder, 'compiled'), ...flags], { stdio: 'inherit' });
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) as string);
}

/** Installs what `pack` made into `folder`, for that architecture, and adds the tests. */
export function makeApplication(folder: string, architecture: Architecture, tarball: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'package.json'),
    '{ "name": "application", "type": "module", "private": true }\n',
  );
  const where = ['--prefix', folder, '--os', 'linux', '--cpu', CPU[architecture], '--libc', 'glibc'];
  npm('install', ...where, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error', tarball);
  addTests(join(folder, 'node_modules', 'tsuring'), join(tarball, '..', 'compiled'));
}

/**
 * The tests import what is in lib/ and syscalls/ by path, and 'tsuring' by name: both must be the same modules, so dist/ gets
 * them one by one in place of its bundles.
 */
function addTests(folder: string, compiled: string): void {
  rmSync(join(folder, 'dist'), { recursive: true });
  for (const name of ['lib', 'syscalls']) {
    cpSync(join(compiled, name), join(folder, 'dist', name), { recursive: true });
    rmSync(join(folder, name), { recursive: true });
    symlinkSync(join('dist', name), join(folder, name));
  }
  for (const name of ['test', 'docs']) cpSync(join(compiled, name), join(folder, name), { recursive: true });
  for (const name of ['test/vectors', 'docs/examples'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  bundleWorkers(join(folder, 'test', 'support'));
}

/**
 * Workers, which the tests start by the hundred, get the package's modules in their own file: an emulated machine takes
 * seconds to load them one by one. The tests themselves load them as they are.
 */
function bundleWorkers(folder: string): void {
  const entryPoints = readdirSync(folder)
    .filter((name) => name.includes('worker') && name.endsWith('.js'))
    .map((name) => join(folder, name))
    .filter((file) => readFileSync(file, 'utf8').includes('parentPort'));
  buildSync({
    entryPoints,
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['koffi'],
  });
}

function npm(...args: string[]): void {
  execFileSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}
