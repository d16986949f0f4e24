/**
 * Memory regions: memory that the kernel looks at by itself, such as the arguments of waits.
 */
import {
  IORING_MEM_REGION_REG_WAIT_ARG,
  IORING_MEM_REGION_TYPE_USER,
  IORING_REGISTER_MEM_REGION,
} from '../../syscalls/constants/register.ts';
import { EINVAL } from '../../syscalls/errno.ts';
import { checkInteger, checkUint32, invalidType } from '../../syscalls/invalid.ts';
import { io_uring_mem_region_reg, io_uring_region_desc } from '../../syscalls/layouts/register.ts';
import { addressOf, SharedPages } from '../../syscalls/memory.ts';
import { makeStruct, readStruct } from '../../syscalls/struct.ts';
import { WaitRegion } from '../wait-region.ts';
import { RingFdRegistrations } from './ring-fds.ts';

export abstract class RegionRegistrations extends RingFdRegistrations {
  /**
   * Registers memory as the ring's region; a ring has one at most, as long as it lives. It is held until then.
   *
   * Since Linux 6.13. io_uring_register_region.
   * @param region pages of yours; or a number of bytes, a multiple of the page size: then the kernel takes memory of its
   * own, which mmap(2) of the ring's fd maps at the offset that is returned.
   * @param flags IORING_MEM_REGION_REG_WAIT_ARG: it holds arguments of waits, `struct io_uring_reg_wait` (only while
   * the ring is disabled, IORING_SETUP_R_DISABLED). 0: for nothing yet.
   * @returns the offset for mmap; 0n for pages of yours.
   * @throws UringError EBUSY when the ring has one, EINVAL for a ring that is not disabled or sizes that are not whole
   * pages, ENOMEM beyond RLIMIT_MEMLOCK.
   */
  registerRegion(region: SharedPages | number, flags = 0): bigint {
    checkUint32('flags', flags);
    const description = makeStruct(io_uring_region_desc, describe(region));
    const argument = makeStruct(io_uring_mem_region_reg, { region_uptr: addressOf(description), flags });
    const { enter } = this.resources;
    const result = enter.register(IORING_REGISTER_MEM_REGION, argument, 1);
    if (result < 0) throw this.refusal(result, result === -EINVAL ? DISABLED_ONLY : undefined);
    if (typeof region !== 'number') this.keep([region]);
    return readStruct(description, io_uring_region_desc).mmap_offset;
  }

  /**
   * Registers a region with the arguments of `count` waits, which `submitAndWaitReg` names by their index: the kernel
   * need not read and check them at every wait. Set them with `WaitRegion.set`, also later. The ring must be disabled
   * (IORING_SETUP_R_DISABLED) until it is registered.
   *
   * Since Linux 6.13. io_uring_register_region with IORING_MEM_REGION_REG_WAIT_ARG.
   * @throws as `registerRegion`.
   */
  registerWaitRegion(count: number): WaitRegion {
    checkInteger('count', count, 1, 65_536);
    const waits = new WaitRegion(count);
    this.registerRegion(waits.pages, IORING_MEM_REGION_REG_WAIT_ARG);
    this.resources.waits = waits;
    return waits;
  }
}

function describe(region: SharedPages | number): Record<string, number> {
  if (typeof region === 'number') return { size: checkInteger('region', region, 1, Number.MAX_SAFE_INTEGER) };
  if (!(region instanceof SharedPages))
    throw invalidType('region', 'of type number or an instance of SharedPages', region);
  return { user_addr: region.address, size: region.byteLength, flags: IORING_MEM_REGION_TYPE_USER };
}

const DISABLED_ONLY =
  'A region is registered while the ring is disabled (R_DISABLED), in whole pages; it needs Linux 6.13.';
