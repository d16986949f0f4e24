/**
 * Zero-copy receive: a network card's receive queue writes straight into our memory.
 */
import {
  IORING_MEM_REGION_TYPE_USER,
  IORING_REGISTER_ZCRX_CTRL,
  IORING_REGISTER_ZCRX_IFQ,
} from '../../syscalls/constants/register.ts';
import {
  IORING_ZCRX_AREA_DMABUF,
  ZCRX_CTRL_EXPORT,
  ZCRX_CTRL_FLUSH_RQ,
  ZCRX_REG_IMPORT,
  ZCRX_REG_NODEV,
} from '../../syscalls/constants/zcrx.ts';
import { checkFd, checkInteger, checkUint32, invalidType, invalidValue } from '../../syscalls/invalid.ts';
import { io_uring_region_desc } from '../../syscalls/layouts/register.ts';
import { io_uring_zcrx_area_reg, io_uring_zcrx_ifq_reg, zcrx_ctrl } from '../../syscalls/layouts/zcrx.ts';
import { allocatePages, pageSize, SharedPages } from '../../syscalls/memory.ts';
import { makeStruct, readStruct } from '../../syscalls/struct.ts';
import { ClockRegistrations } from './clock.ts';
import { packed, partOf } from './packed.ts';

/** Which queue receives into which memory. */
export interface ZcrxQueue {
  /** The number of the network interface. Left out with ZCRX_REG_NODEV. */
  readonly ifIdx?: number;
  /** The receive queue of the interface. Left out with ZCRX_REG_NODEV. */
  readonly ifRxq?: number;
  /** Entries of the refill queue, 1 to 32,768; the kernel rounds up to a power of two. */
  readonly rqEntries: number;
  /** What is received into: pages as of `allocatePages`, or (since Linux 6.16) memory of a device, as a whole. */
  readonly area: SharedPages | ZcrxDmabuf;
  /** Memory for the refill queue: a page and 16 bytes an entry. Made when left out. */
  readonly region?: SharedPages;
  /** Bytes of one piece of the area, a power of two; the kernel's page by default. Since Linux 7.0. */
  readonly rxBufLen?: number;
  /** ZCRX_REG_NODEV (since 7.1): no device, all is copied. */
  readonly flags?: number;
}

export interface ZcrxDmabuf {
  readonly dmabufFd: number;
  readonly byteLength: number;
}

/** A queue that another ring has exported, by its fd. Since Linux 6.19. */
export interface ZcrxImport {
  readonly importFd: number;
}

/** A queue that was registered. */
export interface Zcrx {
  /** For `zcrxIfqIdx` of RECV_ZC, and for `registerZcrxCtrl`. */
  readonly zcrxId: number;
  /** Entries of the refill queue as the kernel made it. */
  readonly rqEntries: number;
  /** Where in `region` the head, tail and entries (`struct io_uring_zcrx_rqe`) of the refill queue begin, bytes. */
  readonly offsets: { readonly head: number; readonly tail: number; readonly rqes: number };
  /** To be added to the offset of a piece that is given back. */
  readonly rqAreaToken: bigint;
  /** Bytes of one piece where the kernel tells (since 7.0), else 0. */
  readonly rxBufLen: number;
  readonly area: SharedPages | ZcrxDmabuf;
  readonly region: SharedPages;
}

/** What to do with a queue. */
export interface ZcrxCtrl {
  readonly zcrxId: number;
  /** ZCRX_CTRL_FLUSH_RQ takes all entries of the refill queue at once; ZCRX_CTRL_EXPORT makes an fd of the queue. */
  readonly op: number;
}

export abstract class ZcrxRegistrations extends ClockRegistrations {
  /**
   * Takes a receive queue of a network interface for RECV_ZC. The ring must have been made with
   * IORING_SETUP_DEFER_TASKRUN, and with IORING_SETUP_CQE32 or IORING_SETUP_CQE_MIXED. The queue is given back when the
   * ring is closed. Its memory is held until then; when it is exported keep it yourself.
   *
   * Since Linux 6.15. io_uring_register_ifq.
   * @throws UringError EPERM without CAP_NET_ADMIN, ENODEV for an interface that there is not, EOPNOTSUPP for one that
   * cannot do it, EINVAL for another kind of ring, ENOMEM beyond the limit of locked memory.
   */
  registerIfq(queue: ZcrxQueue): Zcrx;
  /** Uses a queue that another ring has exported, too: gives its ID in this ring. */
  registerIfq(queue: ZcrxImport): Pick<Zcrx, 'zcrxId'>;
  registerIfq(queue: ZcrxQueue | ZcrxImport): Zcrx | Pick<Zcrx, 'zcrxId'> {
    if (typeof queue !== 'object' || queue === null) throw invalidType('queue', 'of type object', queue);
    if ('importFd' in queue) return this.#import(queue);
    const { area } = queue;
    const region = queue.region ?? allocatePages(pageSize() + RQE_BYTES * powerOfTwo(checkEntries(queue)));
    const argument = encode(queue, region);
    this.register(IORING_REGISTER_ZCRX_IFQ, argument, 1);
    this.keep(area instanceof SharedPages ? [area, region] : [region]);
    const reg = readStruct(argument, io_uring_zcrx_ifq_reg);
    const made = partOf(argument, io_uring_zcrx_ifq_reg, 'area_ptr', io_uring_zcrx_area_reg);
    return {
      zcrxId: reg.zcrx_id,
      rqEntries: reg.rq_entries,
      offsets: { head: reg['offsets.head'], tail: reg['offsets.tail'], rqes: reg['offsets.rqes'] },
      rqAreaToken: made.rq_area_token,
      rxBufLen: reg.rx_buf_len,
      area,
      region,
    };
  }

  /**
   * Flushes or exports a queue.
   *
   * Since Linux 6.19. io_uring_register_zcrx_ctrl.
   * @returns 0; for ZCRX_CTRL_EXPORT the new fd, which is yours to close.
   * @throws UringError ENXIO for an ID that there is not.
   */
  registerZcrxCtrl(ctrl: ZcrxCtrl): number {
    if (typeof ctrl !== 'object' || ctrl === null) throw invalidType('ctrl', 'of type object', ctrl);
    const { zcrxId, op } = ctrl;
    if (op !== ZCRX_CTRL_FLUSH_RQ && op !== ZCRX_CTRL_EXPORT)
      throw invalidValue('ctrl.op', op, 'must be ZCRX_CTRL_FLUSH_RQ or ZCRX_CTRL_EXPORT');
    const argument = makeStruct(zcrx_ctrl, { zcrx_id: checkUint32('ctrl.zcrxId', zcrxId), op });
    this.register(IORING_REGISTER_ZCRX_CTRL, argument, 0);
    return op === ZCRX_CTRL_EXPORT ? readStruct(argument, zcrx_ctrl)['zc_export.zcrx_fd'] : 0;
  }

  #import({ importFd }: ZcrxImport): Pick<Zcrx, 'zcrxId'> {
    const values = { if_idx: checkFd('queue.importFd', importFd), flags: ZCRX_REG_IMPORT };
    const argument = makeStruct(io_uring_zcrx_ifq_reg, values);
    this.register(IORING_REGISTER_ZCRX_IFQ, argument, 1);
    return { zcrxId: readStruct(argument, io_uring_zcrx_ifq_reg).zcrx_id };
  }
}

function encode(queue: ZcrxQueue, region: SharedPages): Uint8Array<ArrayBuffer> {
  const { rxBufLen = 0, flags = 0 } = queue;
  if (!(region instanceof SharedPages))
    throw invalidType('queue.region', 'an instance of SharedPages', region);
  const noDevice = (checkUint32('queue.flags', flags) & ZCRX_REG_NODEV) !== 0;
  const { ifIdx = noDevice ? 0 : undefined, ifRxq = noDevice ? 0 : undefined } = queue;
  const values = {
    if_idx: checkUint32('queue.ifIdx', ifIdx),
    if_rxq: checkUint32('queue.ifRxq', ifRxq),
    rq_entries: checkEntries(queue),
    flags,
    rx_buf_len: checkUint32('queue.rxBufLen', rxBufLen),
  };
  const descriptor = makeStruct(io_uring_region_desc, {
    user_addr: region.address,
    size: region.byteLength,
    flags: IORING_MEM_REGION_TYPE_USER,
  });
  return packed(io_uring_zcrx_ifq_reg, values, { area_ptr: areaOf(queue.area), region_ptr: descriptor });
}

function areaOf(area: SharedPages | ZcrxDmabuf): Uint8Array<ArrayBuffer> {
  if (area instanceof SharedPages)
    return makeStruct(io_uring_zcrx_area_reg, { addr: area.address, len: area.byteLength });
  if (typeof area !== 'object' || area === null || !('dmabufFd' in area))
    throw invalidType('queue.area', 'an instance of SharedPages or an object with a dmabufFd', area);
  return makeStruct(io_uring_zcrx_area_reg, {
    len: checkInteger('queue.area.byteLength', area.byteLength, 1, Number.MAX_SAFE_INTEGER),
    flags: IORING_ZCRX_AREA_DMABUF,
    dmabuf_fd: checkFd('queue.area.dmabufFd', area.dmabufFd),
  });
}

function checkEntries({ rqEntries }: ZcrxQueue): number {
  return checkInteger('queue.rqEntries', rqEntries, 1, MOST_ENTRIES);
}

const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(n));

const RQE_BYTES = 16;
const MOST_ENTRIES = 32768; // IO_RQ_MAX_ENTRIES of the kernel
