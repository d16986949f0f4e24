/**
 * The kernel's worker threads: on which CPUs they run, how many there are.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { IORING_SETUP_SQPOLL } from 'tsuring/syscalls';
import { runScript } from './support/child.ts';
import { live } from './support/live.ts';
import { lacksOpcode, lacksRegister, lacksRing, lacksSqpoll } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';

const ring = lacksRing('io_uring', {});
const affinity = lacksRegister('IORING_REGISTER_IOWQ_AFF');
const limits = lacksRegister('IORING_REGISTER_IOWQ_MAX_WORKERS');

/**
 * The beginning of a program of its own, whose worker threads are nobody else's: `opens(n)` starts operations that wait
 * in them, `workers()` gives the CPUs of each, `until` looks again and again.
 */
const PROGRAM = `
  import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { join } from 'node:path';
  import { IoUringState, openat } from 'tsuring';
  import { AT_FDCWD, IOSQE_ASYNC, O_RDONLY, addressOf, cString, libc } from 'tsuring/syscalls';
  const ring = new IoUringState(64, { flags: 0 });
  const folder = mkdtempSync(join(tmpdir(), 'tsuring-workers-'));
  const fifo = cString(join(folder, 'fifo'));
  libc().syscall(process.arch === 'x64' ? 259 : 33, AT_FDCWD, addressOf(fifo), 0o10600, 0, 0, 0);
  const opens = (count) => {
    for (let n = 0; n < count; n++) {
      openat(ring.getSqe(), AT_FDCWD, addressOf(fifo), O_RDONLY, 0);
      ring.getSqe().flags = IOSQE_ASYNC;
      ring.stageSqe();
    }
    ring.submit();
  };
  const field = (status, name) => status.split('\\n').find((line) => line.startsWith(name + ':')).split('\\t')[1];
  const statusOf = (id) => {
    try {
      return readFileSync('/proc/self/task/' + id + '/status', 'utf8');
    } catch {
      return 'Name:\\t'; // It has ended.
    }
  };
  const workers = () => readdirSync('/proc/self/task').map(statusOf)
    .filter((status) => field(status, 'Name').startsWith('iou-wrk'))
    .map((status) => field(status, 'Cpus_allowed_list'));
  const until = (done) => {
    for (const end = performance.now() + 60_000; !done() && performance.now() < end; );
  };
  const tell = (what) => {
    console.log(JSON.stringify(what));
    rmSync(folder, { recursive: true });
    process.exit();
  };
`;

function told(script: string): unknown {
  const { status, stdout, stderr } = runScript(PROGRAM + script);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

live(
  ['registerIowqAff', 'unregisterIowqAff'],
  'worker threads run where they are told to',
  [ring, affinity, lacksCpus(), lacksOpcode('IORING_OP_OPENAT')],
  () => {
    const where = (calls: string, list: string) =>
      told(`
        ${calls}
        opens(1);
        until(() => workers()[0] === ${list});
        tell([workers()[0], ${list}]);`) as [string, string];
    const everywhere = "field(readFileSync('/proc/self/status', 'utf8'), 'Cpus_allowed_list')";
    for (const [calls, list] of [
      ['ring.registerIowqAff([1]);', "'1'"],
      ['ring.registerIowqAff(Uint8Array.of(1));', "'0'"],
      ['ring.registerIowqAff([1]); ring.registerIowqAff([1, 0]);', "'0-1'"],
      ['ring.registerIowqAff([0]); ring.unregisterIowqAff();', everywhere],
    ]) {
      const [seen, expected] = where(calls, list);
      assert.equal(seen, expected, calls);
    }
  },
);

live(['registerIowqMaxWorkers'], 'limits are given back as they were set', [ring, limits], () => {
  using open = openRing(8);
  const before = open.ring.registerIowqMaxWorkers();
  assert.ok(before.bounded >= 1 && before.unbounded >= 1, JSON.stringify(before));
  assert.deepEqual(open.ring.registerIowqMaxWorkers({}), before, 'it was only asked');
  assert.deepEqual(open.ring.registerIowqMaxWorkers({ bounded: 3 }), before);
  assert.deepEqual(open.ring.registerIowqMaxWorkers({ unbounded: 5 }), { ...before, bounded: 3 });
  assert.deepEqual(open.ring.registerIowqMaxWorkers(before), { bounded: 3, unbounded: 5 });
  assert.deepEqual(open.ring.registerIowqMaxWorkers(), before);
});

live(
  ['registerIowqMaxWorkers'],
  'no more threads than allowed',
  [ring, limits, lacksOpcode('IORING_OP_OPENAT')],
  () => {
    const counts = told(`
      ring.registerIowqMaxWorkers({ bounded: 2 });
      opens(10);
      until(() => workers().length === 2);
      const end = performance.now() + 300;
      let most = 0;
      until(() => { most = Math.max(most, workers().length); return performance.now() > end; });
      const before = ring.registerIowqMaxWorkers({ bounded: 4 });
      opens(10);
      until(() => workers().length === 4);
      tell([most, before.bounded, workers().length]);`);
    assert.deepEqual(counts, [2, 2, 4]);
  },
);

live(
  ['registerIowqMaxWorkers', 'registerIowqAff'],
  'those of an SQPOLL ring are its own',
  [ring, affinity, limits, lacksSqpoll()],
  () => {
    using open = openRing(8);
    using polled = openRing(8, { flags: IORING_SETUP_SQPOLL });
    const before = [open.ring.registerIowqMaxWorkers(), polled.ring.registerIowqMaxWorkers()];
    polled.ring.registerIowqMaxWorkers({ bounded: 2, unbounded: 2 });
    assert.deepEqual(open.ring.registerIowqMaxWorkers(), before[0]);
    assert.deepEqual(polled.ring.registerIowqMaxWorkers(before[1]), { bounded: 2, unbounded: 2 });
    polled.ring.registerIowqAff([0]);
    polled.ring.unregisterIowqAff();
  },
);

/** For CPU 0 and CPU 1. */
function lacksCpus(): string | false {
  const status = readFileSync('/proc/self/status', 'utf8');
  const list = status.match(/^Cpus_allowed_list:\s*(.*)$/m)?.[1] ?? '';
  return /^0-\d/.test(list) && availableParallelism() > 1 ? false : `needs CPUs 0 and 1, and has ${list}`;
}
