/**
 * What newer rows need of the kernel: each gives null when it is there, else what is missing.
 */
import { BufferRing, getProbe, IoUringState } from 'tsuring';
import {
  IORING_OP_MSG_RING,
  IORING_OP_SEND_ZC,
  IORING_OP_TEE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  UringError,
} from 'tsuring/syscalls';

export type Need = () => string | null;

export const needsRestrictions: Need = () =>
  trial(
    'restrictions and IORING_SETUP_SUBMIT_ALL (Linux 5.18)',
    IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL,
    (ring) => ring.registerRestrictions([]),
  );

export const needsRingFds: Need = () =>
  trial('IORING_REGISTER_RING_FDS (Linux 5.18)', 0, (ring) => ring.registerRingFd());

export const needsWaitRegions: Need = () =>
  trial('IORING_REGISTER_MEM_REGION (Linux 6.13)', IORING_SETUP_R_DISABLED, (ring) =>
    ring.registerWaitRegion(1),
  );

export const needsBufferRings: Need = () =>
  trial('IORING_REGISTER_PBUF_RING (Linux 5.19)', 0, (ring) =>
    new BufferRing(ring, { group: 0, entries: 1, bufferSize: 64 }).close(),
  );

/** Nothing tells of multishot receives; they came with IORING_OP_SEND_ZC. */
export const needsRecvMultishot: Need = () =>
  needsBufferRings() ?? needsOpcode('multishot receives (Linux 6.0)', IORING_OP_SEND_ZC);

/** Its flag IOSQE_CQE_SKIP_SUCCESS, which the row sets, is older. */
export const needsMessages: Need = () => needsOpcode('IORING_OP_MSG_RING (Linux 5.18)', IORING_OP_MSG_RING);

/** What the engine waits by: an eventfd that is not always signalled. Nothing tells of it; TEE came with it. */
export const needsEngine: Need = () =>
  needsOpcode('an eventfd that can be silenced (Linux 5.8)', IORING_OP_TEE);

/** Slots that a chain opens and closes; nothing tells of them but what came with them. */
export const needsDirectFiles: Need = () =>
  trial('files opened into slots (Linux 5.18)', IORING_SETUP_SUBMIT_ALL, () => {});

export const needsDeferredTasks: Need = () =>
  trial(
    'IORING_SETUP_DEFER_TASKRUN (Linux 6.1)',
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    () => {},
  );

function needsOpcode(what: string, opcode: number): string | null {
  return getProbe().supports(opcode) ? null : `it needs ${what}`;
}

/** Whether the kernel lets a ring do this. A failure that is not the kernel's is none of a need. */
function trial(what: string, flags: number, attempt: (ring: IoUringState) => unknown): string | null {
  let ring: IoUringState | undefined;
  try {
    ring = new IoUringState(1, { flags });
    attempt(ring);
    return null;
  } catch (error) {
    if (!(error instanceof UringError)) throw error;
    return `it needs ${what}`;
  } finally {
    ring?.close();
  }
}
