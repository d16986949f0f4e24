/**
 * A pipe with a name, which a reader has opened: read to its end, as Node would.
 */
import { POLLHUP, POLLIN } from '../../syscalls/constants/poll.ts';
import { IOSQE_FIXED_FILE } from '../../syscalls/constants/sqe.ts';
import type { Engine } from '../engine/engine.ts';
import { launch } from '../engine/launch.ts';
import { nothing } from '../engine/settle.ts';
import { closeDirect } from '../ops/openclose.ts';
import { pollAdd } from '../ops/poll.ts';
import { read } from '../ops/read.ts';
import { checkAborted } from './abort.ts';
import type { WholeReader } from './whole-reader.ts';

/** Its bytes. Waits for a writer first: the ring opens a pipe as with O_NONBLOCK, and it would look empty. Closes it. */
export async function readSlot(
  engine: Engine,
  { file, data }: WholeReader,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const { slot } = file;
  const pieces: Buffer[] = [];
  try {
    await launch(engine, {
      name: 'open',
      encode: (sqe) => {
        pollAdd(sqe, slot, POLLIN | POLLHUP);
        sqe.flags |= IOSQE_FIXED_FILE;
      },
    });
    for (;;) {
      checkAborted(signal);
      const count = await launch<number>(engine, {
        name: 'read',
        encode: (sqe) => {
          read(sqe, slot, data, data.length, -1);
          sqe.flags |= IOSQE_FIXED_FILE;
        },
      });
      if (count === 0) return Buffer.concat(pieces);
      pieces.push(Buffer.from(data.subarray(0, count)));
    }
  } finally {
    await launch(engine, { name: 'close', encode: (sqe) => closeDirect(sqe, slot), finish: nothing });
  }
}
