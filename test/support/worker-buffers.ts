/** A Worker with registered buffers on a ring that belongs to it alone: tells its fd, and ends when it is told to. */
import { parentPort } from 'node:worker_threads';
import { IoUringState } from '../../lib/state.ts';
import { IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER } from '../../syscalls/constants/setup.ts';

const ring = new IoUringState(8, { flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN });
ring.registerBuffers([new Uint8Array(64)]);
parentPort?.once('message', () => ring.close());
parentPort?.postMessage(ring.fd);
