/**
 * `npm run test:kernels`: boots kernels of Debian in qemu and runs the suite in each. See USAGE.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeApplication, pack } from './application.ts';
import type { Architecture } from './apt.ts';
import { boot, QEMU } from './emulator.ts';
import { makeInitramfs } from './initramfs.ts';
import { consoleFile, keptResults } from './kept.ts';
import { type KernelImage, kernelImages, type Wanted } from './kernels.ts';
import { readOptions } from './options.ts';
import { writePage } from './page.ts';
import { partsFor } from './parts.ts';
import { type Result, resultOf, tableOf } from './results.ts';
import { Unavailable } from './unavailable.ts';

/** With administrators' programs. */
const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const options = readOptions();
if (options.page) writePage(keptResults());
else process.exitCode = await main();

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tsuring-kernels-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  // The files in the machines are root's, and the user nobody has to be able to read them.
  process.umask(0o022);
  const tarball = pack(folder);
  const missing: string[] = [];
  const machines = wanted().flatMap(([architecture, which]) => {
    try {
      need(architecture);
      const images = kernelImages(architecture, which);
      const initramfs = makeArchive(architecture, join(folder, architecture), tarball);
      return images.map((image) => ({ ...image, initramfs }));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      missing.push(`No kernel for ${architecture} was tried: ${error.message}\n`);
      return [];
    }
  });
  process.stdout.write(missing.join(''));
  const results = await atATime(2, machines, (machine) => run(machine, machine.initramfs, folder));
  process.stdout.write(tableOf(results));
  const tolerated = missing.length === 0 || (!options.need && options.kernels.length === 0);
  return tolerated && results.every(({ ok }) => ok) ? 0 : 1;
}

/** Which lines of Linux for which architectures. */
function wanted(): [Architecture, Wanted][] {
  const { kernels } = options;
  const named = kernels.filter((name) => name !== 'arm64');
  if (kernels.length > named.length && named.length === 0) return [['arm64', 'newest']];
  const which = named.length > 0 ? named : options.all ? 'all' : options.ends ? 'ends' : 'default';
  const foreign = kernels.length > 0 ? kernels.length > named.length : !options.ends;
  return [['amd64', which], ...(foreign ? [['arm64', 'newest'] as [Architecture, Wanted]] : [])];
}

/** Throws Unavailable when this system has not what such machines are made of. */
function need(architecture: Architecture): void {
  const programs = ['apt-get', 'dpkg', 'busybox', 'cpio', 'mke2fs', QEMU[architecture]];
  const absent = programs.filter(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`], { env }).status !== 0,
  );
  if (absent.length > 0)
    throw new Unavailable(
      `${absent.join(', ')} not found; Debian has them in busybox-static, cpio, e2fsprogs, qemu-system-x86, qemu-system-arm`,
    );
}

/** The initramfs for an architecture. */
function makeArchive(architecture: Architecture, folder: string, tarball: string): string {
  mkdirSync(folder);
  const application = join(folder, 'application');
  makeApplication(application, architecture, tarball);
  const archive = join(folder, 'initramfs');
  makeInitramfs(join(folder, 'root'), archive, application, partsFor(architecture, application, folder));
  for (const name of ['application', 'root']) rmSync(join(folder, name), { recursive: true });
  return archive;
}

async function run(image: KernelImage, initramfs: string, folder: string): Promise<Result> {
  const { architecture, series, vmlinuz } = image;
  const name = architecture === 'amd64' ? series : `${series} ${architecture}`;
  const disk = join(folder, `disk ${name}`);
  execFileSync('truncate', ['-s', '512M', disk]);
  execFileSync('mke2fs', ['-q', '-t', 'ext4', disk], { env });
  const console = join(folder, `console ${name}`);
  const words = [`tsuring.only=${encodeURIComponent(options.only)}`, `tsuring.users=${options.users}`];
  const timeLimitMs = options.minutes * 60_000;
  const text = await boot({ architecture, vmlinuz, initramfs, disk, console, words, timeLimitMs });
  rmSync(disk);
  const kept = consoleFile(name, options.users === 'root,nobody' && options.only === '');
  execFileSync('mv', [console, kept]);
  const result = resultOf(name, text, new Date());
  process.stdout.write(`${result.text}  all of it: ${kept}\n`);
  return result;
}

/** So many at a time, the results in the order of the items. */
async function atATime<T, R>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]);
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
