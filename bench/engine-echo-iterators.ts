/**
 * A server of the echo: connections and bytes come as async iterables of the engine.
 */
import { IoUring } from 'tsuring';
import { listenAnywhere, listenToControl, sayPort } from './engine-echo-control.ts';

const ring = new IoUring();

async function serve(fd: number): Promise<void> {
  for await (const chunk of ring.recvMultishot(fd))
    for (let sent = 0; sent < chunk.length; )
      sent += await ring.send(fd, sent === 0 ? chunk : chunk.subarray(sent));
  await ring.closeFd(fd);
}

const { fd, port } = listenAnywhere();
listenToControl();
sayPort(port);
for await (const connection of ring.multishotAccept(fd)) void serve(connection);
