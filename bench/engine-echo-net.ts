/**
 * A server of the echo by node:net.
 */
import { type AddressInfo, createServer } from 'node:net';
import { listenToControl, sayPort } from './engine-echo-control.ts';

const server = createServer({ noDelay: true }, (socket) => socket.on('data', (chunk) => socket.write(chunk)));
server.listen(0, '127.0.0.1', 511, () => {
  listenToControl();
  sayPort((server.address() as AddressInfo).port);
});
