/**
 * What a machine is made of beside the application: node with its libraries, and a static busybox.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { nodeBinary } from '../support/node-binary.ts';
import { Apt, type Architecture } from './apt.ts';
import { Unavailable } from './unavailable.ts';

/** The parts of a root. */
export interface Parts {
  readonly busybox: string;
  readonly node: string;
  /** Files, and their paths in the machine. */
  readonly libraries: readonly (readonly [from: string, to: string])[];
}

/** Node's name of an architecture. */
export const CPU: Readonly<Record<Architecture, string>> = { amd64: 'x64', arm64: 'arm64' };

/** The parts for machines of an architecture: this system's own, or fetched. `folder` is for what has to be made. */
export function partsFor(architecture: Architecture, application: string, folder: string): Parts {
  return process.arch === CPU[architecture]
    ? ownParts(application, folder)
    : fetchedParts(architecture, folder);
}

function ownParts(application: string, folder: string): Parts {
  const node = join(folder, 'node');
  // Without the symbols it is a third smaller; without strip it stays as it is.
  if (spawnSync('strip', ['-o', node, process.execPath]).status !== 0) copyFileSync(process.execPath, node);
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  const modules = readdirSync(application, { recursive: true, encoding: 'utf8' });
  const addons = modules.filter((name) => name.endsWith('.node')).map((name) => join(application, name));
  // ldd fails for what is static.
  const listed = [process.execPath, busybox, ...addons].map((file) => spawnSync('ldd', [file]).stdout);
  const paths = listed.join('\n').match(/\/[^\s:()]+/g) ?? [];
  const libraries = [...new Set(paths)].filter((path) => !path.startsWith(application) && existsSync(path));
  return { busybox, node, libraries: libraries.map((path) => [path, path]) };
}

/** Node from npm, in the line of the one that runs; the rest from Debian. Throws Unavailable. */
function fetchedParts(architecture: Architecture, folder: string): Parts {
  const node = fetchedNode(CPU[architecture]);
  const apt = new Apt(architecture);
  const unpacked = join(folder, 'debian');
  for (const each of ['busybox-static', 'libc6', 'libstdc++6', 'libgcc-s1']) apt.unpack(each, unpacked);
  const files = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
  const find = (file: string) => {
    const path = files.find((each) => basename(each) === file);
    if (path === undefined) throw new Unavailable(`Debian's packages for ${architecture} hold no ${file}`);
    return join(unpacked, path);
  };
  const linker = LINKERS[architecture];
  const libraries = LIBRARIES.split(' ').map((file) => [find(file), `/lib/${file}`] as const);
  return {
    busybox: find('busybox'),
    node,
    libraries: [[find(basename(linker)), linker], ...libraries],
  };
}

function fetchedNode(cpu: string): string {
  try {
    return nodeBinary(process.versions.node.split('.')[0], cpu);
  } catch (error) {
    throw new Unavailable((error as Error).message);
  }
}

const LINKERS: Readonly<Record<Architecture, string>> = {
  amd64: '/lib64/ld-linux-x86-64.so.2',
  arm64: '/lib/ld-linux-aarch64.so.1',
};
const LIBRARIES = 'libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 libstdc++.so.6 libgcc_s.so.1';
