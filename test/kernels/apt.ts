/**
 * Debian's packages, for any of its architectures, without touching the apt of this system: an apt state of our own.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';

/** Debian's names of the architectures of machines. */
export type Architecture = 'amd64' | 'arm64';

export class Apt {
  readonly #folder: string;
  readonly #options: readonly string[];

  /** Fetches the lists of packages, unless those that are there are of today. Throws when they cannot be had. */
  constructor(architecture: Architecture) {
    const folder = cacheFolder('apt', architecture);
    this.#folder = folder;
    mkdirSync(join(folder, 'state', 'lists', 'partial'), { recursive: true });
    mkdirSync(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
    writeFileSync(join(folder, 'sources.list'), sources());
    this.#options = [
      '-qq',
      ...[
        `Dir::Etc::sourcelist=${folder}/sources.list`,
        'Dir::Etc::sourceparts=/dev/null',
        `Dir::State=${folder}/state`,
        'Dir::State::status=/dev/null',
        `Dir::Cache=${folder}/cache`,
        `APT::Architecture=${architecture}`,
        `APT::Architectures=${architecture}`,
        'APT::Sandbox::User=root',
        'Acquire::Languages=none',
      ].flatMap((option) => ['-o', option]),
    ];
    const stamp = join(folder, 'updated');
    if (existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < DAY_MS) return;
    this.#run('apt-get', 'update', '-o', 'APT::Update::Error-Mode=any');
    writeFileSync(stamp, '');
  }

  /** Names of packages, by a regular expression of apt's. */
  search(pattern: string): string[] {
    const lines = this.#run('apt-cache', 'search', '--names-only', pattern).split('\n');
    return lines.filter((line) => line !== '').map((line) => line.split(' ')[0]);
  }

  /** Downloads a package, and unpacks it into a folder. */
  unpack(name: string, folder: string): void {
    const to = join(this.#folder, 'downloaded', name);
    mkdirSync(to, { recursive: true });
    const found = () => readdirSync(to).filter((file) => file.endsWith('.deb'));
    if (found().length === 0) this.#run('apt-get', 'download', name, { cwd: to });
    mkdirSync(folder, { recursive: true });
    execFileSync('dpkg', ['-x', join(to, found()[0]), folder]);
  }

  #run(command: string, ...words: (string | { cwd: string })[]): string {
    const args = words.filter((word) => typeof word === 'string');
    const options = words.find((word) => typeof word !== 'string');
    return execFileSync(command, [...this.#options, ...args], {
      cwd: options?.cwd ?? this.#folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Releases whose kernels are tried: each with its own line, the newest with those of backports. */
const RELEASES = ['bullseye', 'bookworm', 'trixie'];
const NEWEST = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** From the mirrors of this system when it is a Debian. */
function sources(): string {
  const archive = mirror('/debian/') ?? 'http://deb.debian.org/debian';
  const security = mirror('/debian-security/') ?? 'http://security.debian.org/debian-security';
  const suites = [
    ...RELEASES.map((release) => [archive, release]),
    [archive, `${NEWEST}-backports`],
    ...RELEASES.map((release) => [security, `${release}-security`]),
  ];
  return suites.map(([uri, suite]) => `deb [signed-by=${KEYRING}] ${uri} ${suite} main\n`).join('');
}

/** The first repository of this system whose address ends so. */
function mirror(end: string): string | undefined {
  const uris = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' });
  return uris.split('\n').find((uri) => uri.endsWith(end));
}
