import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ENOSYS, EPERM } from 'tsuring/syscalls';
import { tryRing } from '../lib/diagnose/trial.ts';
import type { DoctorReport } from '../lib/doctor/report.ts';
import { isCompiled, root } from './support/project.ts';
import {
  type Examined,
  examine,
  isWritable,
  NOBODY,
  runNode,
  tsuring,
  withSysctl,
} from './support/sandbox.ts';

const DISABLED = '/proc/sys/kernel/io_uring_disabled';
const GROUP = '/proc/sys/kernel/io_uring_group';
const COUNTING = 'needs a kernel that counts rings against RLIMIT_MEMLOCK';
const linux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;
const needsLinux = { skip: linux ? false : 'needs Linux' };
const needsRing = { skip: linux && tryRing({ flags: 0 }) === 0 ? false : 'needs a system that makes rings' };
const needsNobody = { skip: needsRing.skip || (isRoot ? await whyNotNobody() : 'needs root') };
const needsSysctl = {
  skip: needsRing.skip || (isRoot && isWritable(DISABLED) ? false : `needs root and ${DISABLED} (Linux 6.6)`),
};
const needsBoth = { skip: needsSysctl.skip || needsNobody.skip };

/** False when another user can run the package from where it is. */
async function whyNotNobody(): Promise<string | false> {
  const program = "await import('koffi'); await import('tsuring');";
  const { status } = await runNode(['--input-type=module', '-e', program], { user: NOBODY });
  return status === 0 ? false : 'needs a project folder that other users can read';
}

/** Importing works, making a ring fails as it should, and `tsuring doctor` reports that. */
function assertRefused(examined: Examined, code: string, fix: RegExp): void {
  const { imported, made, error } = examined.attempt;
  assert.deepEqual(imported, ['nop', 'ioUringSetup']);
  assert.equal(made, false);
  assert.ok(error?.isUringError, JSON.stringify(error));
  assert.equal(error.code, code);
  assert.match(error.fix, fix);
  assert.ok(error.message.endsWith(error.fix));
  assert.equal(examined.status, 1);
  assertReported(examined.report, code, fix);
}

/** The report says why no ring can be made, and of what could not be tried that it does not know. */
function assertReported(report: DoctorReport, code: string, fix: RegExp): void {
  const { ok, ring, obstacles, opcodes, registerOpcodes, setupFlags, features, query } = report;
  assert.equal(ok, false);
  for (const outcome of [ring.plain, ring.sqpoll, ring.kinds.no_mmap, ring.kinds.view]) {
    assert.equal(outcome.ok, false);
    assert.equal(outcome.code, code);
    assert.match(outcome.fix ?? '', fix);
  }
  assert.equal(obstacles.length, 1);
  assert.match(obstacles[0], fix);
  assert.equal(ring.maxEntries, null);
  assert.equal(ring.memory, null);
  assert.deepEqual([opcodes.length, registerOpcodes.length >= 38, setupFlags.length], [65, true, 21]);
  const unknown = [...opcodes, ...setupFlags, ...features, ...(query === null ? registerOpcodes : [])];
  for (const { name, supported } of unknown) assert.equal(supported, null, name ?? '');
}

function assertAllowed({ attempt, report, status }: Examined): void {
  assert.deepEqual([attempt.made, attempt.error, status, report.ok], [true, null, 0, true]);
}

test('kernel.io_uring_disabled = 2 forbids everybody, and the error says so', needsSysctl, async () => {
  // As short as can be: for so long nobody on this machine has an io_uring.
  const examined = await withSysctl(DISABLED, '2', () => examine(8));
  const fix = /kernel\.io_uring_disabled is 2.*sysctl -w kernel\.io_uring_disabled=0/;
  assertRefused(examined, 'EPERM', fix);
  assert.equal(examined.report.limits.ioUringDisabled, 2);
  assert.equal(tryRing({ flags: 0 }), 0, 'the sysctl is as it was');
});

test('kernel.io_uring_disabled = 1 forbids those without privilege', needsBoth, async () => {
  const [privileged, poor] = await withSysctl(DISABLED, '1', () =>
    Promise.all([examine(8), examine(8, { user: NOBODY })]),
  );
  assertAllowed(privileged);
  assertRefused(poor, 'EPERM', /kernel\.io_uring_disabled is 1.*CAP_SYS_ADMIN.*kernel\.io_uring_group/);
  assert.equal(poor.report.limits.capSysAdmin, false);
});

test('kernel.io_uring_disabled = 1 lets the group in', needsBoth, async () => {
  const examined = await withSysctl(DISABLED, '1', () =>
    withSysctl(GROUP, String(NOBODY), () => examine(8, { user: NOBODY })),
  );
  assertAllowed(examined);
});

for (const [name, deny] of Object.entries({ EPERM, ENOSYS }))
  test(`a seccomp filter that answers ${name}`, needsRing, async () => {
    const examined = await examine(8, { deny });
    assertRefused(examined, name, /seccomp filter.*io_uring_setup, io_uring_enter and io_uring_register/);
    assert.equal(examined.report.limits.seccompMode, 2);
  });

test('without locked memory the error names the limit and the amount wanted', needsNobody, async (t) => {
  const { attempt, report, status } = await examine(4096, { user: NOBODY, limit: '-l 64' });
  if (attempt.made) return t.skip(COUNTING);
  assert.equal(attempt.error?.code, 'ENOMEM');
  // 4,096 entries of 64 bytes, 8,192 completions of 16, an index for each entry, and a header.
  assert.match(
    attempt.error.fix,
    /RLIMIT_MEMLOCK is 64 KiB and this ring wants (3[89]|4[01])\d(\.\d)? KiB.*`ulimit -l`/,
  );
  // Smaller rings can be made, and the report tells how small.
  assert.equal(status, 0);
  const { maxEntries } = report.ring;
  assert.ok(maxEntries !== null && maxEntries < 4096, `${maxEntries}`);
  const obstacle = new RegExp(`at most ${maxEntries} of 32768 entries.*RLIMIT_MEMLOCK is 64 KiB`);
  assert.match(report.obstacles.join('\n'), obstacle);
  assert.deepEqual(report.limits.memlock, { soft: 65_536, hard: 65_536 });
  assert.equal(report.limits.capIpcLock, false);
});

test('without any locked memory no ring can be made', needsNobody, async (t) => {
  const examined = await examine(8, { user: NOBODY, limit: '-l 0' });
  if (examined.attempt.made) return t.skip(COUNTING);
  assertRefused(examined, 'ENOMEM', /RLIMIT_MEMLOCK is 0 bytes and this ring wants .* of locked memory/);
});

test('a user without privilege but with locked memory is not refused', needsNobody, async () => {
  assertAllowed(await examine(8, { user: NOBODY, limit: '-l 8192' }));
});

test('without a descriptor the error names the limit', needsRing, async () => {
  // Everything is loaded before the descriptors run out, as in a program that has run for a while.
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { IoUringState } from 'tsuring';
    new IoUringState(8).close();
    const fds = [];
    try {
      for (;;) fds.push(openSync('/dev/null', 'r'));
    } catch {}
    const tell = () => {
      try {
        new IoUringState(8);
      } catch ({ code, fix }) {
        console.log(code, fix);
      }
    };
    tell();
    closeSync(fds.pop());
    tell();`;
  const { stdout, stderr, status } = await runNode(['--input-type=module', '-e', program], {
    limit: '-n 200',
  });
  assert.equal(status, 0, stderr);
  const [none, one] = stdout.split('\n');
  // Without any, /proc cannot be read either.
  assert.match(none, /^EMFILE .*RLIMIT_NOFILE/);
  assert.match(one, /^EMFILE All 200 descriptors that RLIMIT_NOFILE allows are open/);
});

test('on another system the import succeeds and the error says why', async () => {
  const examined = await examine(8, {
    before: "Object.defineProperty(process, 'platform', { value: 'darwin' })",
  });
  assertRefused(examined, 'ENOSYS', /Linux only, this is darwin/);
  assert.deepEqual([examined.report.system.platform, examined.report.system.pageSize], ['darwin', null]);
});

test('on another architecture the import succeeds and the error says why', needsLinux, async () => {
  const examined = await examine(8, { before: "Object.defineProperty(process, 'arch', { value: 'ppc64' })" });
  assertRefused(examined, 'ENOSYS', /x64 and arm64, this is ppc64/);
});

test('without koffi the import succeeds and the error says why', needsLinux, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsuring-refused-'));
  try {
    const parts = ['lib', 'syscalls', 'package.json', ...(isCompiled ? ['dist'] : [])];
    for (const part of parts)
      cpSync(join(root, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
    assertRefused(await examine(8, { folder }), 'ENOSYS', /koffi.*could not be loaded: install/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the table tells the same to people', needsRing, async () => {
  const { stdout, stderr, status } = await tsuring(['doctor'], { deny: EPERM });
  assert.equal(status, 1, stderr);
  assert.match(stdout, /No ring can be made here/);
  assert.match(stdout, /^! A seccomp filter forbids io_uring/m);
  assert.match(stdout, /^ {2}seccomp +a filter$/m);
  assert.match(stdout, /\? READ_FIXED/);
});
