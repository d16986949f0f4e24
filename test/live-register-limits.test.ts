/**
 * What a ring may do: credentials kept for later, restrictions, filters.
 */
import assert from 'node:assert/strict';
import { chmodSync, closeSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nop, openat, read, type Sqe } from 'tsuring';
import {
  AT_FDCWD,
  addressOf,
  cString,
  EACCES,
  EINVAL,
  IORING_OP_NOP,
  IORING_OP_READ,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_REGISTER_PROBE,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_UNREGISTER_RING_FDS,
  IOSQE_ASYNC,
  IOSQE_IO_LINK,
} from 'tsuring/syscalls';
import { runScript } from './support/child.ts';
import { live } from './support/live.ts';
import { contentFd, does, refusal } from './support/live-register.ts';
import { lacksOpcode, lacksRegister, lacksRing, lacksRoot } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { NOBODY } from './support/sandbox.ts';

const ring = lacksRing('io_uring', {});
const personality = lacksRegister('IORING_REGISTER_PERSONALITY');

live(
  ['registerPersonality', 'unregisterPersonality'],
  'an operation acts with the credentials that it names',
  [ring, personality, lacksOpcode('IORING_OP_OPENAT'), lacksRoot()],
  () => {
    using open = openRing(8);
    const folder = mkdtempSync(join(tmpdir(), 'tsuring-personality-'));
    chmodSync(folder, 0o755);
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'of root', { mode: 0o600 });
    const name = cString(secret);
    const opens = (id: number) =>
      does(open, (sqe) => {
        openat(sqe, AT_FDCWD, addressOf(name), 0, 0);
        sqe.personality = id;
      });
    const root = open.ring.registerPersonality();
    assert.ok(root >= 1);
    process.seteuid?.(NOBODY);
    try {
      const nobody = open.ring.registerPersonality();
      assert.notEqual(nobody, root);
      assert.equal(opens(0), -EACCES, 'with those of the thread');
      const fd = opens(root);
      assert.ok(fd >= 0, 'with those of root');
      closeSync(fd);
      assert.equal(opens(nobody), -EACCES);
      process.seteuid?.(0);
      assert.equal(opens(nobody), -EACCES, 'also when the thread has others by now');
      closeSync(opens(0));
      open.ring.unregisterPersonality(root);
      assert.equal(opens(root), -EINVAL);
      assert.throws(() => open.ring.unregisterPersonality(root), refusal('EINVAL'));
      open.ring.unregisterPersonality(nobody);
    } finally {
      process.seteuid?.(0);
      rmSync(folder, { recursive: true });
    }
    open.expect({ sq: 0, cq: 0 });
  },
);

live(['registerPersonality'], 'an ID that there is not', [ring, personality], () => {
  using open = openRing(8);
  const withId = (id: number) => (sqe: Sqe) => {
    nop(sqe);
    sqe.personality = id;
  };
  assert.equal(does(open, withId(1)), -EINVAL);
  const ids = [open.ring.registerPersonality(), open.ring.registerPersonality()];
  for (const id of ids) assert.equal(does(open, withId(id)), 0);
  open.ring.unregisterPersonality(ids[0]);
  assert.deepEqual(
    ids.map((id) => does(open, withId(id))),
    [-EINVAL, 0],
  );
});

const restrictions = lacksRegister('IORING_REGISTER_RESTRICTIONS');
const disabled = { flags: IORING_SETUP_R_DISABLED };
const enable = ({ ring: r }: OpenRing) => r.register(IORING_REGISTER_ENABLE_RINGS, 0, 0);
const bytes = new Uint8Array(16);
const reads = (sqe: Sqe) => read(sqe, contentFd, bytes, 16, 0);
const withFlags =
  (flags: number, fill: (sqe: Sqe) => void = nop) =>
  (sqe: Sqe) => {
    fill(sqe);
    sqe.flags = flags;
  };

live(['registerRestrictions'], 'only what is listed is allowed', [ring, restrictions], () => {
  using open = openRing(8, disabled);
  open.ring.registerRestrictions([
    { sqeOp: IORING_OP_NOP },
    { registerOp: IORING_REGISTER_PROBE },
    { sqeFlagsAllowed: IOSQE_ASYNC },
  ]);
  enable(open);
  assert.equal(does(open, nop), 0);
  assert.equal(does(open, withFlags(IOSQE_ASYNC)), 0);
  assert.equal(does(open, reads), -EACCES);
  assert.equal(does(open, withFlags(IOSQE_IO_LINK)), -EACCES);
  assert.ok(open.ring.registerProbe().supports(IORING_OP_NOP));
  assert.throws(() => open.ring.registerBuffers([bytes]), { ...refusal('EACCES'), fix: /restrictions/ });
  assert.throws(() => open.ring.registerPersonality(), refusal('EACCES'));
  open.expect({ sq: 0, cq: 0 });
});

live(['registerRestrictions'], 'flags that must be there', [ring, restrictions], () => {
  using open = openRing(8, disabled);
  open.ring.registerRestrictions([
    { sqeOp: IORING_OP_NOP },
    { sqeOp: IORING_OP_READ },
    { sqeFlagsRequired: IOSQE_IO_LINK },
    // The last one counts.
    { sqeFlagsRequired: IOSQE_ASYNC },
  ]);
  enable(open);
  assert.equal(does(open, nop), -EACCES);
  assert.equal(does(open, withFlags(IOSQE_ASYNC)), 0);
  assert.equal(does(open, withFlags(IOSQE_ASYNC, reads)), 16);
  assert.equal(does(open, withFlags(IOSQE_ASYNC | IOSQE_IO_LINK)), -EACCES);
});

live(['registerRestrictions'], 'an empty list allows nothing', [ring, restrictions], () => {
  using open = openRing(8, disabled);
  open.ring.registerRestrictions([]);
  enable(open);
  assert.equal(does(open, nop), -EACCES);
  assert.throws(() => open.ring.registerProbe(), refusal('EACCES'));
});

live(['registerRestrictions'], 'once, and not on a ring that is enabled', [ring, restrictions], () => {
  using open = openRing(8, disabled);
  const all = [{ sqeOp: IORING_OP_NOP }, { registerOp: IORING_REGISTER_BUFFERS }];
  for (const bad of [{ sqeOp: 255 }, { registerOp: 255 }])
    assert.throws(() => open.ring.registerRestrictions([...all, bad]), refusal('EINVAL'));
  // What was refused left nothing behind.
  open.ring.registerRestrictions(all);
  assert.throws(() => open.ring.registerRestrictions(all), refusal('EBUSY'));
  enable(open);
  assert.equal(does(open, nop), 0);
  open.ring.registerBuffers([bytes]);
  assert.throws(() => open.ring.unregisterBuffers(), refusal('EACCES'));
  using plain = openRing(8);
  assert.throws(() => plain.ring.registerRestrictions(all), refusal('EBADFD'));
  assert.equal(does(plain, reads), 16);
});

live(
  ['registerRestrictions'],
  'a ring without an fd must be allowed to go',
  [ring, restrictions, lacksRing('REGISTERED_FD_ONLY', { flags: IORING_SETUP_REGISTERED_FD_ONLY })],
  () => {
    const flags = IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_R_DISABLED;
    // There are 16 places for such rings.
    for (let n = 0; n < 18; n++) {
      using open = openRing(4, { flags });
      open.ring.registerRestrictions([{ sqeOp: IORING_OP_NOP }, { registerOp: IORING_UNREGISTER_RING_FDS }]);
      enable(open);
      assert.equal(does(open, nop), 0);
    }
  },
);

const filters = lacksRegister('IORING_REGISTER_BPF_FILTER');
const RET = 0x06;

live(['registerBpfFilter'], 'a filter looks at each request', [ring, filters], () => {
  using open = openRing(8);
  // The entry's flags are the second byte of the word at 8: none, and the request may pass.
  const program = [
    [0x20, 0, 0, 8],
    [0x54, 0, 0, 0xff00],
    [0x15, 0, 1, 0],
    [RET, 0, 0, 1],
    [RET, 0, 0, 0],
  ] as const;
  assert.equal(open.ring.registerBpfFilter({ opcode: IORING_OP_NOP, filter: program }), 0);
  assert.equal(does(open, nop), 0);
  assert.equal(does(open, withFlags(IOSQE_ASYNC)), -EACCES);
  assert.equal(does(open, reads), 16);
  const deny = [[RET, 0, 0, 0]] as const;
  open.ring.registerBpfFilter({ opcode: IORING_OP_READ, filter: deny });
  assert.equal(does(open, reads), -EACCES);
  assert.throws(() => open.ring.registerBpfFilter({ opcode: IORING_OP_NOP, filter: deny, pduSize: 255 }), {
    ...refusal('EMSGSIZE'),
    fix: /has 0 bytes/,
  });
  const outside = [[0x20, 0, 0, 4096], ...deny] as const;
  assert.throws(() => open.ring.registerBpfFilter({ opcode: 0, filter: outside }), refusal('EINVAL'));
});

live(
  ['registerRestrictionsTask', 'registerBpfFilterTask'],
  'limits of a whole task',
  [ring, filters, lacksRoot()],
  () => {
    const { status, stdout, stderr } = runScript(`
      import { openSync } from 'node:fs';
      import { IoUringState, nop, read, registerBpfFilterTask, registerRestrictionsTask } from 'tsuring';
      import { IORING_OP_NOP, IORING_OP_READ } from 'tsuring/syscalls';
      const does = (ring, fill) => {
        fill(ring.getSqe());
        ring.commitSqe();
        ring.submitAndWait(1);
        const { res } = ring.peekCqe();
        ring.advanceCq();
        return res;
      };
      const fd = openSync(process.execPath);
      const reads = (sqe) => read(sqe, fd, new Uint8Array(1), 1, 0);
      const before = new IoUringState(4, { flags: 0 });
      registerRestrictionsTask([{ sqeOp: IORING_OP_NOP }]);
      const made = new IoUringState(4, { flags: 0 });
      const told = [does(before, reads), does(made, nop), does(made, reads)];
      try {
        registerRestrictionsTask([{ sqeOp: IORING_OP_READ }]);
      } catch ({ code }) {
        told.push(code);
      }
      registerBpfFilterTask({ opcode: IORING_OP_NOP, filter: [[6, 0, 0, 0]] });
      told.push(does(made, nop), does(new IoUringState(4, { flags: 0 }), nop));
      console.log(JSON.stringify(told));
      process.exit();`);
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), [1, 0, -EACCES, 'EPERM', 0, -EACCES]);
  },
);
