/**
 * A ring of provided buffers: one receive goes on and on, and the kernel chooses a buffer only when something has come.
 * Here four small buffers serve a whole stream.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import {
  BufferRing,
  close,
  connect,
  getProbe,
  IoUringState,
  recvMultishot,
  type Sqe,
  sockaddr,
  socket,
} from 'tsuring';
import { AF_INET, ENOBUFS, IORING_OP_SEND_ZC, IOSQE_BUFFER_SELECT, SOCK_STREAM } from 'tsuring/syscalls';

// Linux 6.0 brought both: receives that go on, and an operation that can be asked for.
if (!getProbe().supports(IORING_OP_SEND_ZC)) process.exit();

const lines = Array.from({ length: 1000 }, (_, n) => `line ${n}\n`).join('');
const server = createServer((peer) => peer.end(lines)).listen(0, '127.0.0.1');
await once(server, 'listening');

using ring = new IoUringState(8, { flags: 0 });
using buffers = new BufferRing(ring, { group: 1, entries: 4, bufferSize: 256 });

const fd = perform((sqe) => socket(sqe, AF_INET, SOCK_STREAM));
const address = sockaddr({ address: '127.0.0.1', port: (server.address() as AddressInfo).port });
const connected = perform((sqe) => connect(sqe, fd, address, address.length));
assert.equal(connected, 0);

let text = '';
let used = 0;
for (let open = true; open; ) {
  submit((sqe) => {
    recvMultishot(sqe, fd);
    sqe.flags |= IOSQE_BUFFER_SELECT; // after the operation, which zeroes it
    sqe.bufIndex = buffers.group;
  });
  for (let more = true; more; ) {
    const cqe = ring.peekCqe();
    if (cqe === null) {
      await setTimeout(1); // the server writes in this very thread
      continue;
    }
    const bytes = buffers.view(cqe); // no copy; null when no buffer was taken
    if (bytes !== null) {
      text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      used++;
    }
    buffers.recycleTaken(); // the bytes have been read: the buffer may be used again …
    buffers.publish(); // … from now on
    more = cqe.more; // else it is over: the stream, or the buffers had run out
    open = cqe.res > 0 || cqe.res === -ENOBUFS;
    ring.advanceCq();
  }
}

assert.equal(text, lines);
assert(used > 4, `${used} buffers' worth went through four`);
assert.equal(buffers.provided, 4);
perform((sqe) => close(sqe, fd));
server.close();

function submit(encode: (sqe: Sqe) => void): void {
  const sqe = ring.getSqe();
  assert(sqe !== null);
  encode(sqe);
  ring.commitSqe();
  ring.submit();
}

/** Does one operation, and gives its result. */
function perform(encode: (sqe: Sqe) => void): number {
  submit(encode);
  const res = ring.waitCqe({ timeout: 10_000 })?.res ?? -1;
  assert(res >= 0, `errno ${-res}`);
  ring.advanceCq();
  return res;
}
