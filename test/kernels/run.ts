/**
 * `npm run test:kernels`: boots kernels of Debian in qemu and runs the suite in each. See USAGE.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeApplication } from './application.ts';
import type { Architecture } from './apt.ts';
import { readConsole } from './console.ts';
import { boot } from './emulator.ts';
import { makeInitramfs } from './initramfs.ts';
import { consoleFile, keptResults } from './kept.ts';
import { type KernelImage, kernelImages } from './kernels.ts';
import { writePage } from './page.ts';
import { partsFor } from './parts.ts';
import { type Result, resultOf, tableOf } from './results.ts';

const USAGE = `npm run test:kernels [-- OPTION… [KERNEL…]]

KERNEL is a line of Linux, such as 6.12, or arm64 for the newest on that architecture. Without any: 5.10, 6.1, 6.12,
6.18, the newest, and arm64.
  --all             every line that Debian carries, and arm64
  --ends            the oldest and the newest
  --only PATTERN    the files of tests whose name matches the regular expression
  --users NAMES     root, nobody, or root,nobody (default)
  --minutes N       how long one kernel may take (default 60)
  --page            run nothing, but make docs/kernels.md and test/vectors/doctor/ of the last whole run of each kernel
  --need            fail, rather than tell, when something that the machines are made of is missing`;

const { values, positionals } = arguments_();
if (values.page) {
  writePage(keptResults());
  process.exit();
}
const folder = mkdtempSync(join(tmpdir(), 'tsuring-kernels-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const { images, missing } = chosen();
for (const what of missing) process.stdout.write(`${what}\n`);
if (values.need && missing.length > 0) process.exit(1);
const archives = new Map(
  [...new Set(images.map(({ architecture }) => architecture))].map((a) => [a, archive(a)]),
);
const results = await atATime(2, images, run);
process.stdout.write(tableOf(results));
if (!results.every(({ ok }) => ok)) process.exitCode = 1;

/** The kernels to try, and a sentence for each that cannot be. */
function chosen(): { images: KernelImage[]; missing: string[] } {
  const lines = positionals.filter((name) => name !== 'arm64');
  const named = positionals.length > 0;
  const missing: string[] = [];
  const attempt = (architecture: Architecture, make: () => KernelImage[]): KernelImage[] => {
    try {
      need(architecture);
      return make();
    } catch (error) {
      missing.push(`No kernels for ${architecture} were tried: ${(error as Error).message}`);
      return [];
    }
  };
  const which = named ? lines : values.all ? 'all' : values.ends ? 'ends' : 'default';
  const amd64 = named && lines.length === 0 ? [] : attempt('amd64', () => kernelImages('amd64', which));
  const foreign = named ? lines.length < positionals.length : !values.ends;
  const arm64 = foreign ? attempt('arm64', () => kernelImages('arm64', 'newest')) : [];
  return { images: [...amd64, ...arm64], missing };
}

/** Throws when this system has not what such machines are made of. */
function need(architecture: Architecture): void {
  const qemu = architecture === 'amd64' ? 'qemu-system-x86_64' : 'qemu-system-aarch64';
  const programs = ['apt-get', 'dpkg', 'busybox', 'cpio', 'mke2fs', qemu].filter((name) => !installed(name));
  if (programs.length > 0) throw new Error(`${programs.join(', ')} not found; ${PACKAGES}`);
}

const PACKAGES = 'in Debian they are in busybox-static, cpio, e2fsprogs, qemu-system-x86 and qemu-system-arm';

function installed(name: string): boolean {
  return spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${name}`]).status === 0;
}

/** The initramfs for an architecture. */
function archive(architecture: Architecture): string {
  const own = join(folder, architecture);
  const application = join(own, 'application');
  makeApplication(application, architecture);
  const to = join(own, 'initramfs');
  makeInitramfs(join(own, 'root'), to, application, partsFor(architecture, application, own));
  return to;
}

async function run({ architecture, series, vmlinuz }: KernelImage): Promise<Result> {
  const name = architecture === 'amd64' ? series : `${series} ${architecture}`;
  const disk = join(folder, `disk ${name}`);
  execFileSync('truncate', ['-s', '512M', disk]);
  execFileSync('mke2fs', ['-q', '-t', 'ext4', disk], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  const whole = values.only === '' && values.users === 'root,nobody';
  const console = consoleFile(name, whole);
  const text = await boot({
    architecture,
    vmlinuz,
    initramfs: archives.get(architecture) as string,
    disk,
    console,
    words: [`tsuring.only=${values.only}`, `tsuring.users=${values.users}`],
    timeLimitMs: Number(values.minutes) * 60_000,
  });
  rmSync(disk);
  const result = resultOf(name, readConsole(text), new Date());
  process.stdout.write(`${result.text}  all of it: ${console}\n`);
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

function arguments_() {
  try {
    return parseArgs({
      options: {
        all: { type: 'boolean', default: false },
        ends: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        users: { type: 'string', default: 'root,nobody' },
        minutes: { type: 'string', default: '60' },
        page: { type: 'boolean', default: false },
        need: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}\n`);
    process.exit(2);
  }
}
