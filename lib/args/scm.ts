/**
 * The control messages of Unix sockets: descriptors and credentials that travel beside the data. See unix(7).
 */
import { SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET } from '../../syscalls/constants/socket.ts';
import { checkFd, checkInteger, checkUint32, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import type { ControlMessage } from './cmsg.ts';
import { getUint32, setUint32 } from './words.ts';

/** Who sent a message: `struct ucred`. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The control message that sends copies of open descriptors over a Unix socket, 1 to 253 of them: those sent stay open
 * here, and may be closed once the message is sent. At least one byte of data must go with it on a stream socket.
 */
export function scmRights(fds: readonly number[]): ControlMessage {
  if (!Array.isArray(fds)) throw invalidType('fds', 'an instance of Array', fds);
  if (fds.length < 1 || fds.length > SCM_MAX_FD)
    throw outOfRange('fds.length', `>= 1 && <= ${SCM_MAX_FD}`, fds.length);
  const numbers = Int32Array.from(fds, (fd) => checkFd('fd', fd));
  return { level: SOL_SOCKET, type: SCM_RIGHTS, data: new Uint8Array(numbers.buffer) };
}

/**
 * The descriptors in received control messages, in their order; none when there are none. They are open in this
 * process and yours to close, each of them, also those that you did not expect: `closeSync(fd)`. Receive with
 * MSG_CMSG_CLOEXEC, so that children do not inherit them. MSG_CTRUNC in the message's flags says that there was no room
 * for more; the kernel has closed those.
 */
export function readScmRights(messages: Iterable<ControlMessage>): number[] {
  const fds: number[] = [];
  for (const { level, type, data } of messages) {
    if (level !== SOL_SOCKET || type !== SCM_RIGHTS) continue;
    for (let at = 0; at + 4 <= data.length; at += 4) fds.push(getUint32(data, at) | 0);
  }
  return fds;
}

/**
 * The control message that tells a peer with SO_PASSCRED who sends. The kernel checks it: another identity than this
 * process's own takes privileges (-EPERM). A peer with SO_PASSCRED gets one also when none was sent.
 */
export function scmCredentials({ pid, uid, gid }: Credentials): ControlMessage {
  const data = new Uint8Array(UCRED_BYTES);
  setUint32(data, 0, checkInteger('pid', pid, 0, 0x7fff_ffff));
  setUint32(data, 4, checkUint32('uid', uid));
  setUint32(data, 8, checkUint32('gid', gid));
  return { level: SOL_SOCKET, type: SCM_CREDENTIALS, data };
}

/** The sender's credentials in received control messages, or undefined. The pid is 0 for one of a foreign namespace. */
export function readScmCredentials(messages: Iterable<ControlMessage>): Credentials | undefined {
  for (const { level, type, data } of messages) {
    if (level !== SOL_SOCKET || type !== SCM_CREDENTIALS || data.length < UCRED_BYTES) continue;
    return { pid: getUint32(data, 0), uid: getUint32(data, 4), gid: getUint32(data, 8) };
  }
  return undefined;
}

/** The kernel takes no more in one message. */
const SCM_MAX_FD = 253;
const UCRED_BYTES = 12;
