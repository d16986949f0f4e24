/** A Worker that puts SharedPages together again and answers with their address and first byte; then writes there. */
import { parentPort, workerData } from 'node:worker_threads';
import { addressOf, SharedPages } from 'tsuring/syscalls';

const { buffer, byteOffset, byteLength } = workerData;
const pages = new SharedPages(buffer, byteOffset, byteLength);
const bytes = pages.bytes();
parentPort?.postMessage({ address: pages.address, bytesAt: addressOf(bytes), first: bytes[0] });
parentPort?.on('message', () => {
  bytes[1] = 43;
  parentPort?.postMessage('written');
});
