/**
 * A server that sends back what it receives: connections and bytes come as async iterables.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { IoUring } from 'tsuring';
import { AF_INET, SOCK_STREAM } from 'tsuring/syscalls';

await using ring = new IoUring();
const listener = await ring.socket(AF_INET, SOCK_STREAM);
await ring.bind(listener, { address: '127.0.0.1', port: 45_917 });
await ring.listen(listener);

async function serve(fd: number): Promise<void> {
  // Until the peer ends the connection. Each chunk is a Buffer of our own.
  for await (const chunk of ring.recvMultishot(fd))
    for (let sent = 0; sent < chunk.length; ) sent += await ring.send(fd, chunk.subarray(sent));
  await ring.closeFd(fd);
}

const connections = ring.multishotAccept(listener);
const server = (async () => {
  const serving: Promise<void>[] = [];
  for await (const fd of connections) serving.push(serve(fd));
  await Promise.all(serving);
})();

// A client of Node's.
const client = connect(45_917, '127.0.0.1');
client.end('hello');
let answer = '';
for await (const chunk of client) answer += chunk;
assert.equal(answer, 'hello');

await connections.return(); // cancels the accepting
await server;
await ring.closeFd(listener);
