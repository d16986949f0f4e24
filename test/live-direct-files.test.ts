/**
 * Files in slots of the ring's table instead of descriptors: opened there, chosen by the kernel, put in, taken out, made
 * descriptors of.
 */
import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import {
  closeDirect,
  filesUpdate,
  fixedFdInstall,
  openat2Direct,
  openatDirect,
  openDirect,
  read,
  write,
} from 'tsuring';
import {
  AT_FDCWD,
  EBADF,
  ECANCELED,
  EFAULT,
  EINVAL,
  EMFILE,
  ENFILE,
  ENOENT,
  ENXIO,
  IORING_FEAT_LINKED_FILE,
  IORING_FILE_INDEX_ALLOC,
  IORING_FIXED_FD_NO_CLOEXEC,
  IORING_REGISTER_FILES_SKIP,
  IOSQE_FIXED_FILE,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  libc,
  makeStruct,
  O_CLOEXEC,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  open_how,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { closesOnExec, targetOf, withoutFreeFds } from './support/live-fds.ts';
import { lacksDirect, lacksSlotAlloc } from './support/live-needs.ts';
import { does, type Encode, gives, nextOnes, starts, together, waits } from './support/live-ring.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksFeature, lacksOpcode } from './support/needs.ts';
import type { OpenRing } from './support/open-ring.ts';
import { pipe } from './support/worker-pipes.ts';

const ALLOC = IORING_FILE_INDEX_ALLOC;
const needsOpen = lacksOpcode('IORING_OP_OPENAT');
const needsOpen2 = lacksOpcode('IORING_OP_OPENAT2');

live(
  ['openDirect', 'openatDirect', 'closeDirect', 'read'],
  'a file in a slot: opened, read, replaced, closed',
  [needsOpen, lacksDirect()],
  () => {
    using here = scratch();
    const ring = here.ring();
    const dir = here.fd(here.folder, O_RDONLY);
    const [one, two] = [here.file('one', 'first'), here.file('two', 'second')];
    const [input, output] = pipe();
    here.adopt(input);
    ring.ring.registerFiles([-1, output, -1]);
    libc().close(output);
    does(ring, 0, (sqe) => openDirect(sqe, one, O_RDONLY, 0, 0));
    reads(ring, 0, 'first');
    does(ring, 0, (sqe) => openatDirect(sqe, dir, 'two', O_RDONLY, 0, 0));
    reads(ring, 0, 'second');
    const reading = starts(ring, (sqe) => read(sqe, input, Buffer.alloc(4), 4, -1));
    waits(ring);
    const opening = starts(ring, (sqe) => openDirect(sqe, here.at('new'), O_CREAT | O_RDWR, 0o600, 1));
    const ended = nextOnes(ring, 2);
    assert.deepEqual(new Set(ended.map(({ userData }) => userData)), new Set([reading, opening]));
    assert.ok(
      ended.every(({ res }) => res === 0),
      'what was in the slot is closed: its pipe ends',
    );
    does(
      ring,
      4,
      fixed((sqe) => write(sqe, 1, Buffer.from('text'), 4, 0)),
    );
    reads(ring, 1, 'text');
    does(ring, 0, (sqe) => closeDirect(sqe, 1));
    isEmpty(ring, 1);
    does(ring, -EBADF, (sqe) => closeDirect(sqe, 1), 'an empty slot');
    does(ring, -EINVAL, (sqe) => closeDirect(sqe, 3), 'beyond the table');
    does(ring, -ENOENT, (sqe) => openDirect(sqe, `${two}s`, O_RDONLY, 0, 0));
    reads(ring, 0, 'second');
  },
);

live(
  ['openDirect', 'openatDirect', 'openat2Direct', 'closeDirect'],
  'slots that are not there, and O_CLOEXEC',
  [needsOpen2, lacksDirect()],
  () => {
    using here = scratch();
    const ring = here.ring();
    const path = here.file('file');
    const tries = (res: number, flags: number, slot: number, message?: string): void => {
      does(ring, res, (sqe) => openDirect(sqe, path, flags, 0, slot), message);
      does(ring, res, (sqe) => openatDirect(sqe, AT_FDCWD, path, flags, 0, slot), message);
      does(ring, res, (sqe) => openat2Direct(sqe, AT_FDCWD, path, how({ flags }), slot), message);
    };
    tries(-ENXIO, O_RDONLY, 0, 'no table');
    does(ring, -ENXIO, (sqe) => closeDirect(sqe, 0));
    ring.ring.registerFiles([-1]);
    tries(-EINVAL, O_RDONLY, 1, 'beyond the table');
    tries(-EINVAL, O_CLOEXEC, 0);
    does(ring, -EBADF, (sqe) => closeDirect(sqe, 0), 'none was opened');
    tries(0, O_RDONLY, 0);
    does(ring, 0, (sqe) => closeDirect(sqe, 0));
  },
);

live(
  ['openDirect', 'openatDirect', 'openat2Direct', 'filesUpdate'],
  'slots that the kernel chooses, until none is free',
  [needsOpen2, lacksSlotAlloc()],
  () => {
    using here = scratch();
    const ring = here.ring();
    const path = here.file('file', 'text');
    const fd = here.fd(path);
    does(ring, -ENFILE, (sqe) => openDirect(sqe, path, O_RDONLY, 0, ALLOC), 'no table');
    ring.ring.registerFiles([-1, -1, -1, -1]);
    const slots = [
      gives(ring, (sqe) => openDirect(sqe, path, O_RDONLY, 0, ALLOC)),
      gives(ring, (sqe) => openatDirect(sqe, AT_FDCWD, path, O_RDONLY, 0, ALLOC)),
      gives(ring, (sqe) => openat2Direct(sqe, AT_FDCWD, path, how({}), ALLOC)),
    ];
    const chosen = new Int32Array([fd, fd]);
    does(ring, 1, (sqe) => filesUpdate(sqe, chosen, 2, ALLOC), 'one was free');
    slots.push(chosen[0]);
    assert.equal(chosen[1], fd, 'what found no slot stays');
    assert.deepEqual(slots.toSorted(), [0, 1, 2, 3]);
    for (const slot of slots) reads(ring, slot, 'text');
    does(ring, -ENFILE, (sqe) => openDirect(sqe, path, O_RDONLY, 0, ALLOC));
    does(ring, -ENFILE, (sqe) => openatDirect(sqe, AT_FDCWD, path, O_RDONLY, 0, ALLOC));
    does(ring, -ENFILE, (sqe) => openat2Direct(sqe, AT_FDCWD, path, how({}), ALLOC));
    does(ring, -ENFILE, (sqe) => filesUpdate(sqe, chosen, 1, ALLOC));
    does(ring, 0, (sqe) => closeDirect(sqe, 2));
    does(ring, 2, (sqe) => openDirect(sqe, path, O_RDONLY, 0, ALLOC), 'the one that became free');
  },
);

live(
  ['openatDirect', 'read', 'closeDirect'],
  'open, read and close as one chain',
  [needsOpen, lacksDirect(), lacksFeature('IORING_FEAT_LINKED_FILE (Linux 5.18)', IORING_FEAT_LINKED_FILE)],
  () => {
    using here = scratch();
    const ring = here.ring();
    const path = here.file('file', 'text');
    ring.ring.registerFiles([-1]);
    const into = Buffer.alloc(16);
    const chain = (name: string): number[] =>
      together(ring, [
        (sqe) => {
          openatDirect(sqe, AT_FDCWD, name, O_RDONLY, 0, 0);
          sqe.flags = IOSQE_IO_LINK;
        },
        (sqe) => {
          // A short read would break an ordinary link.
          read(sqe, 0, into, 16, 0);
          sqe.flags = IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK;
        },
        (sqe) => closeDirect(sqe, 0),
      ]).map(({ res }) => res);
    assert.deepEqual(chain(path), [0, 4, 0]);
    assert.equal(into.toString('utf8', 0, 4), 'text');
    assert.deepEqual(chain(`${path}s`), [-ENOENT, -ECANCELED, -ECANCELED]);
    does(ring, -EBADF, (sqe) => closeDirect(sqe, 0), 'the slot is empty again');
  },
);

live(
  ['fixedFdInstall'],
  'a descriptor of a registered file',
  [lacksOpcode('IORING_OP_FIXED_FD_INSTALL')],
  () => {
    using here = scratch();
    const ring = here.ring();
    const path = here.file('file', 'text');
    does(ring, -EBADF, (sqe) => fixedFdInstall(sqe, 0), 'no table');
    ring.ring.registerFiles([-1, -1]);
    does(ring, 0, (sqe) => openDirect(sqe, path, O_RDONLY, 0, 1));
    const closing = here.adopt(gives(ring, (sqe) => fixedFdInstall(sqe, 1)));
    const staying = here.adopt(gives(ring, (sqe) => fixedFdInstall(sqe, 1, IORING_FIXED_FD_NO_CLOEXEC)));
    assert.deepEqual([targetOf(closing), targetOf(staying)], [path, path]);
    assert.deepEqual([closesOnExec(closing), closesOnExec(staying)], [true, false]);
    does(ring, -EBADF, (sqe) => fixedFdInstall(sqe, 0), 'an empty slot');
    does(ring, -EBADF, (sqe) => fixedFdInstall(sqe, 2), 'beyond the table');
    does(ring, -EINVAL, (sqe) => fixedFdInstall(sqe, 1, 2));
    withoutFreeFds(() => does(ring, -EMFILE, (sqe) => fixedFdInstall(sqe, 1)));
    does(ring, 0, (sqe) => closeDirect(sqe, 1));
    assert.equal(readSync(closing, Buffer.alloc(8)), 4, 'it lives on when the slot is emptied');
  },
);

live(['filesUpdate'], 'files put into slots', [lacksOpcode('IORING_OP_FILES_UPDATE')], () => {
  using here = scratch();
  const ring = here.ring();
  const [one, two] = [here.fileFd('one', 'first'), here.fileFd('two', 'second')];
  const puts = (res: number, fds: number[], slot: number, message?: string): void => {
    const table = new Int32Array(fds);
    does(ring, res, (sqe) => filesUpdate(sqe, table, fds.length, slot), message);
    assert.deepEqual([...table], fds);
  };
  puts(-ENXIO, [one], 0, 'no table');
  ring.ring.registerFiles([-1, two, -1]);
  puts(2, [one, IORING_REGISTER_FILES_SKIP], 0);
  reads(ring, 0, 'first');
  reads(ring, 1, 'second');
  puts(2, [two, one], 1);
  reads(ring, 2, 'first');
  puts(1, [two, 1_000_000, two], 0, 'up to the first that is not open');
  reads(ring, 0, 'second');
  isEmpty(ring, 1);
  reads(ring, 2, 'first');
  puts(-EBADF, [1_000_000], 2);
  isEmpty(ring, 2);
  puts(-EBADF, [ring.ring.fd], 2, 'a ring');
  puts(1, [-1], 0);
  isEmpty(ring, 0);
  puts(-EINVAL, [one, one], 2, 'beyond the table');
  puts(-EINVAL, [one], 3);
  puts(-EINVAL, [], 0);
  does(ring, -EFAULT, (sqe) => filesUpdate(sqe, 8, 1, 0));
});

function how(values: { flags?: number | bigint; mode?: number; resolve?: number | bigint }): Uint8Array {
  return makeStruct(open_how, values);
}

function fixed(encode: Encode): Encode {
  return (sqe) => {
    encode(sqe);
    sqe.flags |= IOSQE_FIXED_FILE;
  };
}

/** Asserts what the file in a slot holds. */
function reads(ring: OpenRing, slot: number, text: string): void {
  const into = Buffer.alloc(16);
  does(
    ring,
    text.length,
    fixed((sqe) => read(sqe, slot, into, 16, 0)),
  );
  assert.equal(into.toString('utf8', 0, text.length), text);
}

/** Asserts that a slot holds no file. */
function isEmpty(ring: OpenRing, slot: number): void {
  does(
    ring,
    -EBADF,
    fixed((sqe) => read(sqe, slot, Buffer.alloc(4), 4, 0)),
  );
}
