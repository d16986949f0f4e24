/**
 * For recvmsg that goes on. Nothing tells of it, and older kernels overlook the flag: it came with IORING_OP_SEND_ZC.
 */
import { lacksOpcode } from './needs.ts';

export function lacksRecvmsgMultishot(): string | false {
  return lacksOpcode('IORING_OP_SEND_ZC') && 'needs multishot recvmsg (Linux 6.0)';
}
