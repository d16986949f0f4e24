/**
 * `npm run test:kernels [-- [--all | --ends | SERIES…] [--only PATTERN] [--users root,nobody] [--write]]`: boots kernels
 * of Debian in qemu and runs the suite in each, as root and as nobody. By default 5.10, 6.1, 6.12, 6.18 and the newest;
 * with --all every line that Debian carries, with --ends the oldest and the newest. --only takes the files of tests
 * whose name matches. --write keeps the results in docs/kernels.md and test/vectors/.
 *
 * Needs qemu-system-x86, busybox-static, cpio and e2fsprogs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeApplication } from './application.ts';
import { cacheFolder } from './cache.ts';
import { readConsole } from './console.ts';
import { boot } from './emulator.ts';
import { makeInitramfs, partsOfThisSystem } from './initramfs.ts';
import { type KernelImage, kernelImages } from './kernels.ts';
import { type Result, summaryOf, tableOf } from './results.ts';

const { values, positionals } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    ends: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    users: { type: 'string', default: 'root,nobody' },
    write: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '60' },
  },
  allowPositionals: true,
});

const missing = ['qemu-system-x86_64', 'busybox', 'cpio', 'mke2fs'].filter((name) => !installed(name));
if (missing.length > 0) {
  console.error(
    `test:kernels needs ${missing.join(', ')} (Debian: qemu-system-x86 busybox-static cpio e2fsprogs)`,
  );
  process.exit(3);
}
const wanted = positionals.length > 0 ? positionals : values.all ? 'all' : values.ends ? 'ends' : 'default';
const images = kernelImages('amd64', wanted);
const folder = mkdtempSync(join(tmpdir(), 'tsuring-kernels-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const initramfs = join(folder, 'initramfs');
const application = join(folder, 'application');
makeApplication(application, 'amd64');
makeInitramfs(join(folder, 'root'), initramfs, partsOfThisSystem(application, folder));

const results = await atATime(2, images, run);
process.stdout.write(tableOf(results));
if (!results.every(({ ok }) => ok)) process.exitCode = 1;

async function run({ series, vmlinuz }: KernelImage): Promise<Result> {
  const disk = join(folder, `disk-${series}`);
  execFileSync('truncate', ['-s', '512M', disk]);
  execFileSync('mke2fs', ['-q', '-t', 'ext4', disk]);
  const console = join(cacheFolder('consoles'), series);
  const begin = performance.now();
  const text = await boot({
    architecture: 'amd64',
    vmlinuz,
    initramfs,
    disk,
    console,
    words: [`tsuring.only=${values.only}`, `tsuring.users=${values.users}`],
    timeLimitMs: Number(values.minutes) * 60_000,
  });
  rmSync(disk);
  const result: Result = summaryOf(series, readConsole(text), (performance.now() - begin) / 1000, console);
  process.stdout.write(result.text);
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

function installed(name: string): boolean {
  return (
    spawnSync('sh', ['-c', `command -v ${name} || PATH=/usr/sbin:/sbin command -v ${name}`]).status === 0
  );
}
