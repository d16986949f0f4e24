/**
 * What a machine is made of beside the application: node with its libraries, and a static busybox.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Apt, type Architecture } from './apt.ts';
import { cacheFolder } from './cache.ts';

/** The parts of a root. */
export interface Parts {
  readonly busybox: string;
  readonly node: string;
  /** Files, and their paths in the machine. */
  readonly libraries: readonly (readonly [from: string, to: string])[];
}

/** The parts for machines of an architecture: this system's own, or fetched. `folder` is for what has to be made. */
export function partsFor(architecture: Architecture, application: string, folder: string): Parts {
  const own = process.arch === 'x64' ? 'amd64' : process.arch;
  return own === architecture ? ownParts(application, folder) : fetchedParts(architecture, folder);
}

function ownParts(application: string, folder: string): Parts {
  const node = join(folder, 'node');
  // Without the symbols it is a third smaller; without strip it stays as it is.
  if (spawnSync('strip', ['-o', node, process.execPath]).status !== 0) copyFileSync(process.execPath, node);
  const modules = readdirSync(application, { recursive: true, encoding: 'utf8' });
  const binaries = modules.filter((name) => name.endsWith('.node')).map((name) => join(application, name));
  const listed = [process.execPath, ...binaries].map((file) =>
    execFileSync('ldd', [file], { encoding: 'utf8' }),
  );
  const paths = listed.join('\n').match(/\/[^\s:()]+/g) ?? [];
  const libraries = [...new Set(paths)].filter((path) => !path.startsWith(application) && existsSync(path));
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  return { busybox, node, libraries: libraries.map((path) => [path, path]) };
}

/** Node from npm, in the line of the one that runs; the rest from Debian. */
function fetchedParts(architecture: Architecture, folder: string): Parts {
  const name = `node-linux-${architecture}`;
  const line = process.versions.node.split('.')[0];
  const prefix = cacheFolder(`node-${line}-${architecture}`);
  const node = join(prefix, 'node_modules', name, 'bin', 'node');
  const quiet = ['--no-save', '--no-audit', '--no-fund', '--silent', '--force'];
  if (!existsSync(node))
    execFileSync('npm', ['install', '--prefix', prefix, ...quiet, '--cpu', architecture, `${name}@${line}`]);
  const apt = new Apt(architecture);
  const unpacked = join(folder, 'debian');
  for (const each of ['busybox-static', 'libc6', 'libstdc++6', 'libgcc-s1']) apt.unpack(each, unpacked);
  const files = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
  const find = (file: string) => files.find((path) => basename(path) === file);
  const libraries = LIBRARIES.flatMap((file) => {
    const path = find(file);
    if (path === undefined) return [];
    // The linker is where the programs say, the others are where it looks.
    return [[join(unpacked, path), `/lib/${file}`] as const];
  });
  return { busybox: join(unpacked, find('busybox') ?? 'busybox'), node, libraries };
}

const LIBRARIES = ['ld-linux-aarch64.so.1', 'libc.so.6', 'libm.so.6', 'libpthread.so.0', 'libdl.so.2'].concat(
  ['librt.so.1', 'libstdc++.so.6', 'libgcc_s.so.1'],
);
