/**
 * Debian's packages, for any of its architectures, without touching the apt of this system: an apt state of our own.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../support/cache.ts';
import { Unavailable } from './unavailable.ts';

/** Debian's names of the architectures of machines. */
export type Architecture = 'amd64' | 'arm64';

export class Apt {
  readonly #folder: string;
  readonly #options: readonly string[];

  /** Fetches the lists of packages, unless those that are there are fresh. Throws Unavailable. */
  constructor(architecture: Architecture) {
    const folder = cacheFolder('apt', architecture);
    this.#folder = folder;
    mkdirSync(join(folder, 'state', 'lists', 'partial'), { recursive: true });
    mkdirSync(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
    this.#options = [
      `Dir::Etc::sourcelist=${folder}/sources.list`,
      'Dir::Etc::sourceparts=/dev/null',
      `Dir::State=${folder}/state`,
      'Dir::State::status=/dev/null',
      `Dir::Cache=${folder}/cache`,
      `APT::Architecture=${architecture}`,
      `APT::Architectures=${architecture}`,
      'APT::Sandbox::User=root',
      'Acquire::Languages=none',
    ].flatMap((option) => ['-o', option]);
    const stamp = join(folder, 'updated');
    if (existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < FRESH_MS) return;
    writeFileSync(join(folder, 'sources.list'), sources());
    this.#run('apt-get', ['update']);
    writeFileSync(stamp, '');
  }

  /** Names of packages, by a regular expression of apt's. */
  search(pattern: string): string[] {
    const lines = this.#run('apt-cache', ['search', '--names-only', pattern]).split('\n');
    return lines.filter((line) => line !== '').map((line) => line.split(' ')[0]);
  }

  /** Downloads a package, and unpacks it into a folder. Throws Unavailable. */
  unpack(name: string, folder: string): void {
    // Of what an interrupted download leaves nothing is taken for the package.
    const fresh = mkdtempSync(join(this.#folder, 'download-'));
    const whole = join(this.#folder, 'packages', name);
    try {
      if (!existsSync(whole)) {
        this.#run('apt-get', ['download', name], fresh);
        mkdirSync(join(this.#folder, 'packages'), { recursive: true });
        renameSync(join(fresh, readdirSync(fresh)[0]), whole);
      }
    } finally {
      rmSync(fresh, { recursive: true });
    }
    mkdirSync(folder, { recursive: true });
    execFileSync('dpkg', ['-x', whole, folder]);
  }

  /** Lets a package go that was downloaded. */
  forget(name: string): void {
    rmSync(join(this.#folder, 'packages', name), { force: true });
  }

  #run(command: string, args: readonly string[], cwd = this.#folder): string {
    try {
      return execFileSync(command, ['-qq', ...this.#options, ...args], {
        cwd,
        encoding: 'utf8',
        maxBuffer: 2 ** 26,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      throw new Unavailable(`${command} ${args.join(' ')}: ${(error as { stderr: string }).stderr.trim()}`);
    }
  }
}

const FRESH_MS = 60 * 60 * 1000;

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

/** The first repository of Debian's in this system whose address ends so. */
function mirror(end: string): string | undefined {
  const args = ['indextargets', '--format', '$(REPO_URI)', 'Origin: Debian'];
  const uris = execFileSync('apt-get', args, { encoding: 'utf8' });
  return uris.split('\n').find((uri) => uri.endsWith(end));
}
