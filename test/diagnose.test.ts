import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { type IoUringOptions, IoUringState } from 'tsuring';
import {
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_HYBRID_IOPOLL,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
  type Kernel,
  linux,
  UringError,
} from 'tsuring/syscalls';
import { brokenMixture, brokenRules } from '../lib/diagnose/combinations.ts';
import { bytesText, isAtLeast, type SystemFacts, systemFacts } from '../lib/diagnose/facts.ts';
import { flagNames, SETUP_FLAGS } from '../lib/diagnose/flags.ts';
import { explainDescriptors, explainFiles, explainMemory, explainThreads } from '../lib/diagnose/limits.ts';
import { explainMissing, explainPermission } from '../lib/diagnose/refused.ts';
import { tryFlag, tryRing, withTrialRing } from '../lib/diagnose/trial.ts';
import { diagnoseSetup } from '../lib/diagnose.ts';
import { checkOptions } from '../lib/options.ts';
import * as setup from '../syscalls/constants/setup.ts';
import {
  EAGAIN,
  EINVAL,
  EMFILE,
  ENFILE,
  ENOMEM,
  ENOSYS,
  ENXIO,
  EOVERFLOW,
  EPERM,
} from '../syscalls/errno.ts';

const ringRefused = process.platform !== 'linux' ? `this is ${process.platform}` : refusal();
const live = { skip: ringRefused === undefined ? false : `no ring can be made here: ${ringRefused}` };

function refusal(): string | undefined {
  const result = tryRing({ flags: 0 });
  return result === 0 ? undefined : `errno ${-result}`;
}

/** The error of making a ring, which must fail. Whatever else is thrown is a failure. */
function errorOf(entries: number, options: IoUringOptions): UringError {
  try {
    new IoUringState(entries, options).close();
  } catch (error) {
    assert.ok(error instanceof UringError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `a ring was made with ${JSON.stringify(options)}` });
}

function assertRefused(entries: number, options: IoUringOptions, code: string, fix: RegExp): void {
  const error = errorOf(entries, options);
  assert.equal(error.code, code, error.message);
  assert.match(error.fix, fix);
  assert.match(error.fix, /^[A-Z].*[^.]\.$/);
  assert.ok(error.message.includes(error.fix));
}

const has = (flag: number): boolean =>
  SETUP_FLAGS.some((entry) => entry.value === flag && tryFlag(entry) === 0);

// --- the flags

test('the table has every setup flag of the header, each once', () => {
  const header = Object.entries(setup).filter(([name]) => name.startsWith('IORING_SETUP_'));
  header.sort(([, a], [, b]) => a - b);
  const table = SETUP_FLAGS.map(({ name, value }) => [name, value]);
  assert.deepEqual(table, header);
  assert.equal(table.length, 21);
});

test('flagNames names every bit, and those without a name in hexadecimal', () => {
  assert.deepEqual(flagNames(0), []);
  assert.deepEqual(flagNames(IORING_SETUP_SQPOLL | IORING_SETUP_CQSIZE), [
    'IORING_SETUP_SQPOLL',
    'IORING_SETUP_CQSIZE',
  ]);
  assert.deepEqual(flagNames(0x8020_0001 | 0), ['IORING_SETUP_IOPOLL', '0x200000', '0x80000000']);
});

test('the rules agree with the kernel on every combination of three flags', live, () => {
  const usable = SETUP_FLAGS.filter((flag) => flag.value !== IORING_SETUP_ATTACH_WQ && tryFlag(flag) === 0);
  assert.ok(usable.length >= 2, `${usable.length}`);
  let compared = 0;
  for (const [i, a] of usable.entries())
    for (const [j, b] of usable.slice(i).entries())
      for (const c of usable.slice(i + j)) {
        const flags = a.value | b.value | c.value;
        const request = { entries: 2, cqEntries: 4, flags };
        const allowed = brokenRules(request).length === 0;
        assert.equal(tryRing(request), allowed ? 0 : -EINVAL, flagNames(flags).join(' '));
        compared++;
      }
  assert.ok(compared >= 4, `${compared}`);
});

test('the rules agree with the kernel on numbers of entries', live, () => {
  const sizes = [0, 1, 2, 3, 64, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 0xffff_ffff];
  for (const flags of [0, IORING_SETUP_CLAMP, IORING_SETUP_CQSIZE, IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP])
    for (const entries of sizes)
      for (const cqEntries of (flags & IORING_SETUP_CQSIZE) === 0 ? [0] : sizes) {
        const request = { entries, cqEntries, flags };
        const result = tryRing(request);
        // Of the sizes that the rules allow, memory may forbid the larger ones here.
        if (result === -ENOMEM) continue;
        const allowed = brokenRules(request).length === 0;
        assert.equal(result, allowed ? 0 : -EINVAL, `${entries} ${cqEntries} ${flagNames(flags)}`);
      }
});

test('the rules on entries of mixed sizes agree with the kernel', live, () => {
  for (const flags of [IORING_SETUP_CQE_MIXED, IORING_SETUP_SQE_MIXED]) {
    if (!has(flags)) continue;
    for (const entries of [1, 2])
      for (const cqEntries of [1, 2]) {
        const request = { entries, cqEntries, flags: flags | IORING_SETUP_CQSIZE };
        if (brokenRules(request).length > 0) continue;
        const allowed = brokenMixture(request).length === 0;
        assert.equal(
          tryRing(request),
          allowed ? 0 : -EOVERFLOW,
          `${entries} ${cqEntries} ${flagNames(flags)}`,
        );
      }
  }
});

test('a trial leaves no descriptor, nor does a diagnosis', live, () => {
  const before = readdirSync('/proc/self/fd').length;
  for (const flag of SETUP_FLAGS) tryFlag(flag);
  for (const errno of [EINVAL, EPERM, ENOMEM, ENOSYS])
    diagnoseSetup(errno, checkOptions(8, { flags: -1 >>> 0 }), 1);
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

// --- refused by the running kernel

test('numbers of entries that the kernel refuses', live, () => {
  assertRefused(0, { flags: 0 }, 'EINVAL', /0 entries.* 1 to 32,768/);
  assertRefused(32_769, { flags: 0 }, 'EINVAL', /32,769 entries.*IORING_SETUP_CLAMP/);
  assertRefused(0xffff_ffff, { flags: 0 }, 'EINVAL', /4,294,967,295 entries/);
  assertRefused(8, { flags: 0, cqEntries: 0 }, 'EINVAL', /IORING_SETUP_CQSIZE needs cqEntries/);
  assertRefused(
    8,
    { flags: 0, cqEntries: 65_537 },
    'EINVAL',
    /With cqEntries 65,537 .*65,536.*IORING_SETUP_CLAMP/,
  );
  assertRefused(9, { flags: 0, cqEntries: 8 }, 'EINVAL', /With cqEntries 8 .*at least 16/);
});

test('combinations of flags that the kernel refuses', live, () => {
  const SQPOLL = IORING_SETUP_SQPOLL;
  const refused: [flags: number, fix: RegExp][] = [
    [IORING_SETUP_SQ_AFF, /IORING_SETUP_SQ_AFF needs IORING_SETUP_SQPOLL/],
    [SQPOLL | IORING_SETUP_COOP_TASKRUN, /SQPOLL does not go with IORING_SETUP_COOP_TASKRUN/],
    [
      SQPOLL | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER,
      /SQPOLL does not go with IORING_SETUP_DEFER_TASKRUN/,
    ],
    [
      SQPOLL | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_COOP_TASKRUN,
      /SQPOLL does not go with IORING_SETUP_COOP_TASKRUN and IORING_SETUP_TASKRUN_FLAG/,
    ],
    [IORING_SETUP_DEFER_TASKRUN, /DEFER_TASKRUN needs IORING_SETUP_SINGLE_ISSUER/],
    [IORING_SETUP_TASKRUN_FLAG, /TASKRUN_FLAG needs IORING_SETUP_COOP_TASKRUN or IORING_SETUP_DEFER_TASKRUN/],
    [IORING_SETUP_HYBRID_IOPOLL, /HYBRID_IOPOLL needs IORING_SETUP_IOPOLL/],
    [IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED, /CQE_MIXED does not go with IORING_SETUP_CQE32/],
    [IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED, /SQE_MIXED does not go with IORING_SETUP_SQE128/],
    [IORING_SETUP_SQ_REWIND | SQPOLL, /SQ_REWIND does not go with IORING_SETUP_SQPOLL/],
  ];
  for (const [flags, fix] of refused) assertRefused(8, { flags }, 'EINVAL', fix);
  const rewind = { flags: IORING_SETUP_SQ_REWIND, sqArray: true };
  assertRefused(8, rewind, 'EINVAL', /SQ_REWIND needs IORING_SETUP_NO_SQARRAY/);
});

test('all that is wrong is named at once', live, () => {
  const flags = IORING_SETUP_SQ_AFF | IORING_SETUP_TASKRUN_FLAG;
  assertRefused(0, { flags }, 'EINVAL', /0 entries.*; IORING_SETUP_SQ_AFF.*; IORING_SETUP_TASKRUN_FLAG/);
});

test('bits that are no flag, and flags that this kernel lacks', live, () => {
  assertRefused(8, { flags: 0x8000_0000 }, 'EINVAL', /does not have 0x80000000 .*leave it out/);
  for (const { name, value, since, needs } of SETUP_FLAGS) {
    if (has(value)) continue;
    const flags = value | needs;
    assertRefused(
      8,
      { flags },
      'EINVAL',
      new RegExp(`does not have .*\\b${name} \\(since Linux ${since}\\)`),
    );
  }
});

test('a CPU that there is not', live, () => {
  assertRefused(8, { sqThreadCpu: 0xffff }, 'EINVAL', /sqThreadCpu 65535 .*use one of \d/);
});

test('a wqFd that is no ring, no SQPOLL ring, or not open', { ...live }, (t) => {
  if (!has(IORING_SETUP_ATTACH_WQ)) return t.skip('needs IORING_SETUP_ATTACH_WQ');
  const file = openSync('/dev/null', 'r');
  try {
    assertRefused(8, { flags: 0, wqFd: file }, 'EINVAL', /is not a ring but \/dev\/null/);
    assertRefused(8, { wqFd: file }, 'EINVAL', /is not a ring but \/dev\/null/);
  } finally {
    closeSync(file);
  }
  // EBADF before Linux 5.12.
  const { code, fix } = errorOf(8, { flags: 0, wqFd: 0x7fff_fff0 });
  assert.match(code, /^(ENXIO|EBADF)$/);
  assert.match(fix, /^The wqFd 2147483632 is not open/);
  withTrialRing({ flags: 0 }, (wqFd) => {
    assertRefused(8, { wqFd }, 'EINVAL', /has no SQPOLL thread to share/);
    return 0;
  });
});

test('a kind of memory that this kernel does not give', live, () => {
  for (const memory of ['no_mmap', 'overlay', 'view'] as const) {
    const made = memory === 'overlay' ? overlays() : memory === 'view' || has(setup.IORING_SETUP_NO_MMAP);
    if (made) new IoUringState(8, { flags: 0, memory }).close();
    else assertRefused(8, { flags: 0, memory }, 'EINVAL', new RegExp(`leave out memory: '${memory}'`));
  }
});

/** Whether Linux is old enough to map a ring at an address of choice. */
function overlays(): boolean {
  return isAtLeast(systemFacts().release, 6, 1) === false;
}

test('one entry for entries of two sizes', live, (t) => {
  if (!has(IORING_SETUP_CQE_MIXED)) return t.skip('needs IORING_SETUP_CQE_MIXED');
  const options = { flags: IORING_SETUP_CQE_MIXED, cqEntries: 1 };
  assertRefused(1, options, 'EOVERFLOW', /IORING_SETUP_CQE_MIXED needs 2 completion entries/);
});

test('what is allowed is not refused: combinations that look like those above', live, () => {
  const allowed = [
    IORING_SETUP_CLAMP,
    IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_R_DISABLED | IORING_SETUP_NO_SQARRAY,
  ];
  for (const flags of allowed)
    if (SETUP_FLAGS.every(({ value }) => (flags & value) === 0 || has(value)))
      new IoUringState(0xffff, { flags: flags | IORING_SETUP_CLAMP }).close();
});

// --- other systems, by their facts

const facts: SystemFacts = {
  release: '6.8.0-generic',
  version: '#1 SMP',
  hasSysctls: true,
  ioUringDisabled: 0,
  ioUringGroup: -1,
  inGroup: false,
  seccompMode: 0,
  memlock: { soft: 65_536, hard: 65_536 },
  nofile: { soft: 20, hard: 20 },
  nproc: { soft: 7, hard: 7 },
  sysAdmin: false,
  ipcLock: false,
};

test('ENOSYS: gVisor, WSL 1, an old kernel, a filter, a kernel without it', () => {
  const none = { ioUringDisabled: undefined, ioUringGroup: undefined };
  const missing = (more: Partial<SystemFacts>) => explainMissing({ ...facts, ...more });
  assert.match(missing({ release: '4.19.0-gvisor', ...none }), /gVisor/);
  const gvisor = { release: '4.4.0', version: '#1 SMP Sun Jan 10 15:06:54 PST 2016', ...none };
  assert.match(missing(gvisor), /gVisor/);
  assert.match(missing({ release: '4.4.0-19041-Microsoft', ...none }), /WSL 2/);
  assert.match(missing({ release: '4.18.0-553.el8', ...none }), /4\.18\.0-553\.el8 is too old.*5\.1/);
  assert.match(missing({ release: '5.0.21', ...none }), /too old/);
  assert.match(missing({ seccompMode: 2 }), /seccomp filter hides it.*io_uring_enter/);
  assert.match(missing(none), /CONFIG_IO_URING=y/);
  assert.doesNotMatch(missing(none), /seccomp/);
  assert.match(missing({ release: '5.15.0', seccompMode: 2, ...none }), /seccomp.*CONFIG_IO_URING=y/);
  assert.match(missing({ release: '5.15.0', ...none }), /CONFIG_IO_URING=y/);
  assert.match(missing({ release: 'strange', hasSysctls: false, ...none }), /CONFIG_IO_URING=y/);
});

test('EPERM: the sysctl, a filter, or nothing that is known', () => {
  const denied = (more: Partial<SystemFacts>) => explainPermission({ ...facts, ...more });
  assert.match(denied({ ioUringDisabled: 2, seccompMode: 2 }) ?? '', /io_uring_disabled is 2/);
  assert.match(denied({ ioUringDisabled: 1 }) ?? '', /io_uring_disabled is 1.*CAP_SYS_ADMIN.*no group/);
  assert.match(denied({ ioUringDisabled: 1, ioUringGroup: 999 }) ?? '', /now 999/);
  assert.match(denied({ ioUringDisabled: 1, sysAdmin: true, seccompMode: 2 }) ?? '', /seccomp.*Docker/);
  assert.match(denied({ ioUringDisabled: 1, inGroup: true, seccompMode: 2 }) ?? '', /seccomp/);
  assert.equal(denied({}), undefined);
});

test('ENOMEM names the limit and the amount wanted', () => {
  const short = (more: Partial<SystemFacts>, bytes: number) => explainMemory({ ...facts, ...more }, bytes);
  assert.match(short({}, 200_000), /RLIMIT_MEMLOCK is 64 KiB and this ring wants 195\.3 KiB.*`ulimit -l`/);
  assert.match(short({}, 40_000), /RLIMIT_MEMLOCK is 64 KiB, this ring wants 39\.1 KiB.*hold the rest/);
  assert.match(short({ memlock: undefined }, 4096), /wants 4 KiB.*RLIMIT_MEMLOCK/);
  for (const more of [{ ipcLock: true }, { memlock: { soft: Infinity, hard: Infinity } }]) {
    assert.match(short(more, 4096), /cgroup is out of memory.*wants 4 KiB/);
    assert.doesNotMatch(short(more, 4096), /RLIMIT/);
  }
});

test('EMFILE, ENFILE and EAGAIN name their limits', () => {
  assert.match(explainDescriptors(facts) ?? '', /20 descriptors that RLIMIT_NOFILE/);
  assert.match(explainFiles('1000\n') ?? '', /1000 files that the sysctl fs\.file-max/);
  assert.match(explainThreads(facts) ?? '', /RLIMIT_NPROC, which is 7/);
  const unknown = { ...facts, nofile: undefined, nproc: undefined };
  assert.equal(explainDescriptors(unknown), undefined);
  assert.equal(explainThreads(unknown), undefined);
  assert.equal(explainFiles(undefined), undefined);
});

test('numbers and versions as text', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 2 ** 23, 2 ** 60, Infinity].map(bytesText), [
    '0 bytes',
    '1023 bytes',
    '1 KiB',
    '1.5 KiB',
    '8 MiB',
    '1048576 TiB',
    'unlimited',
  ]);
  assert.equal(isAtLeast('5.10.0', 5, 9), true);
  assert.equal(isAtLeast('5.10.0', 5, 11), false);
  assert.equal(isAtLeast('7.0-rc1', 6, 19), true);
  assert.equal(isAtLeast('Darwin', 1, 0), undefined);
});

test('every errno gets a sentence, and a scripted kernel is not asked', () => {
  let asked = 0;
  const scripted: Kernel = { ...linux, setup: () => asked++ };
  for (const kernel of [linux, scripted])
    for (const errno of [...Array(134).keys(), ENXIO, EMFILE, ENFILE, EAGAIN, 999, -1, Number.NaN])
      for (const flags of [0, 0xffff_ffff]) {
        const options = checkOptions(8, { flags, kernel });
        assert.match(diagnoseSetup(errno, options, 4096), /^([A-Z]|io_uring).*\.$/, `${errno} ${flags}`);
      }
  assert.equal(asked, 0);
});
