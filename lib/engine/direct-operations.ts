/**
 * Operations on slots of the ring's registered files: a file that has no descriptor, which no other thread or program
 * sees, and which the kernel finds faster.
 */
import { O_CLOEXEC } from '../../syscalls/constants/fcntl.ts';
import { SOCK_CLOEXEC } from '../../syscalls/constants/socket.ts';
import { invalidType } from '../../syscalls/invalid.ts';
import type { SocketAddress } from '../args/sockaddr.ts';
import { SockaddrRoom } from '../args/sockaddr-room.ts';
import { acceptDirect } from '../ops/accept.ts';
import { bits32 } from '../ops/check.ts';
import { closeDirect, fixedFdInstall, openatDirect } from '../ops/openclose.ts';
import { socketDirect } from '../ops/socket.ts';
import { EventOperations } from './event-operations.ts';
import { FixedFile } from './fixed-file.ts';
import { type OpenFlags, openFlags } from './open-flags.ts';
import { type File, type FilePath, numberOf, type OperationOptions, type Request } from './operations.ts';
import { dirOf, type PathOptions } from './path-operations.ts';
import { nothing } from './settle.ts';
import { type AcceptOptions, knownName } from './socket-operations.ts';

/** Where a file is put. */
export interface IntoOptions {
  /** An empty slot: see `fixedFile`. Default, but not in a chain: one that is given back if it fails. */
  into?: FixedFile | undefined;
}

/** A connection that was accepted into a slot. */
export interface AcceptedFile {
  readonly file: FixedFile;
  /** Of the peer. Undefined for a family other than IPv4, IPv6 and Unix. */
  readonly address: SocketAddress | undefined;
}

export abstract class DirectOperations extends EventOperations {
  /** An empty slot of the ring. */
  protected abstract reserve(): FixedFile;

  /**
   * Opens a file into a slot. Since Linux 5.18; in a chain what follows finds the file there. openat(2),
   * io_uring_prep_openat_direct. Arguments as of `openat`.
   */
  openatDirect(
    path: FilePath,
    flags: OpenFlags = 'r',
    mode = 0o666,
    options?: PathOptions & IntoOptions,
  ): Promise<FixedFile> {
    return this.#into(options?.into, (file) => ({
      name: 'openat',
      path,
      options,
      // A slot has no O_CLOEXEC: no program that is executed sees it.
      encode: (sqe) =>
        openatDirect(sqe, dirOf(options), path, openFlags(flags) & ~O_CLOEXEC, mode, file.slot),
    }));
  }

  /** Makes a socket in a slot. Since Linux 5.19. socket(2), io_uring_prep_socket_direct. Arguments as of `socket`. */
  socketDirect(
    domain: number,
    type: number,
    protocol = 0,
    options?: OperationOptions & IntoOptions,
  ): Promise<FixedFile> {
    return this.#into(options?.into, (file) => ({
      name: 'socket',
      options,
      encode: (sqe) => socketDirect(sqe, domain, bits32('type', type) & ~SOCK_CLOEXEC, protocol, file.slot),
    }));
  }

  /** Takes one connection into a slot. Since Linux 5.18. accept4(2), io_uring_prep_accept_direct. */
  acceptDirect(listener: File, options?: AcceptOptions & IntoOptions): Promise<AcceptedFile> {
    const room = new SockaddrRoom();
    return this.#into(options?.into, (file) => ({
      name: 'accept',
      file: listener,
      options,
      encode: (sqe) => {
        const flags = bits32('options.flags', options?.flags ?? 0) & ~SOCK_CLOEXEC;
        acceptDirect(sqe, numberOf(listener), room, room.addressLength, flags, file.slot);
      },
      finish: (): AcceptedFile => ({ file: file.fill(), address: knownName(room) }),
    }));
  }

  /**
   * Closes a file in its slot, and gives the slot back. As a link of a chain: in its turn; and if the chain breaks before it
   * comes to that, afterwards. Since Linux 5.18 as a link. io_uring_prep_close_direct.
   */
  closeFixed(file: FixedFile, options?: OperationOptions): Promise<void> {
    const closing = this.request<void>({
      name: 'close',
      closes: file,
      options,
      encode: (sqe) => closeDirect(sqe, fixed(file).slot),
      finish: () => file.empty(),
    });
    // From now on nothing else can name it; it waits for the link, and closes what that has not closed.
    if (file instanceof FixedFile) file.close().catch(nothing);
    return closing;
  }

  /**
   * Makes a descriptor of a file in a slot, which stays there, too. It is close-on-exec, and yours to close. Since Linux 6.8.
   * io_uring_prep_fixed_fd_install.
   */
  fixedFdInstall(file: FixedFile, options?: OperationOptions): Promise<number> {
    return this.request({
      name: 'fixedFdInstall',
      file,
      options,
      encode: (sqe) => fixedFdInstall(sqe, fixed(file).slot),
    });
  }

  #into<T>(into: FixedFile | undefined, requestFor: (file: FixedFile) => Request): Promise<T> {
    try {
      const file = into === undefined ? this.reserve() : fixed(into, 'options.into');
      file.await();
      const opening = this.request<T>({ finish: () => file.fill(), ...requestFor(file), into: file });
      const over = (): void => file.stopAwaiting();
      const failed = into === undefined ? () => void file.close().catch(nothing) : over;
      opening.then(over, failed);
      return opening;
    } catch (error) {
      return this.refuse(error);
    }
  }
}

/** @throws TypeError. */
export function fixed(file: FixedFile, name = 'file'): FixedFile {
  if (!(file instanceof FixedFile)) throw invalidType(name, 'an instance of FixedFile', file);
  return file;
}
