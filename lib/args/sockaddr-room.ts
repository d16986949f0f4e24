/**
 * Room for a peer's address, and for its length beside it.
 */
import type { Memory } from '../../syscalls/memory.ts';
import { parseSockaddr, SOCKADDR_STORAGE_BYTES, type SocketAddress } from './sockaddr.ts';
import { placeOf } from './words.ts';

/**
 * Where accept and cmdGetsockname write an address: `accept(sqe, fd, room, room.addressLength)`, and when the CQE is there
 * `room.name`. 128 bytes, which fit every address, and the `socklen_t` that says so. One for each operation in flight.
 */
export class SockaddrRoom implements Memory {
  /** Where the room begins in memory. */
  readonly address: number;
  /** 128. */
  readonly byteLength: number = SOCKADDR_STORAGE_BYTES;
  /** One `socklen_t`: the room there is, afterwards the length of the address. */
  readonly addressLength: Uint32Array<ArrayBuffer>;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor() {
    const memory = new ArrayBuffer(SOCKADDR_STORAGE_BYTES + 4);
    this.address = placeOf(memory);
    this.#bytes = new Uint8Array(memory, 0, SOCKADDR_STORAGE_BYTES);
    this.addressLength = new Uint32Array(memory, SOCKADDR_STORAGE_BYTES, 1);
    this.reset();
  }

  /**
   * The address that was written; undefined for none, as an unbound Unix socket has it.
   * @throws TypeError for another family than IPv4, IPv6 and Unix: see `nameBytes`.
   */
  get name(): SocketAddress | undefined {
    return parseSockaddr(this.nameBytes);
  }

  /** The bytes of the address. A view. */
  get nameBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.addressLength[0]);
  }

  /** Makes it ready for the next address: the kernel wrote the length of the last one over that of the room. */
  reset(): void {
    // An address of length 0 writes nothing: what is read before a new one comes is none.
    this.#bytes.fill(0);
    this.addressLength[0] = SOCKADDR_STORAGE_BYTES;
  }
}
