/**
 * Busy-polling of network devices while the ring is waited for.
 */
import { IORING_REGISTER_NAPI, IORING_UNREGISTER_NAPI } from '../../syscalls/constants/register.ts';
import { checkUint32, invalidType, invalidValue } from '../../syscalls/invalid.ts';
import { io_uring_napi } from '../../syscalls/layouts/register.ts';
import { makeStruct, readStruct, writeStruct } from '../../syscalls/struct.ts';
import { SyncCancelRegistrations } from './sync-cancel.ts';

/** How long and how to poll. */
export interface NapiPolling {
  /** Microseconds to poll for at most; since Linux 6.13 more than 10,000 counts as that. */
  readonly busyPollTo: number;
  /** Keeps the device's interrupts off as long as it is polled often enough (SO_PREFER_BUSY_POLL). */
  readonly preferBusyPoll: boolean;
}

/**
 * Which receive queues are polled: those of the sockets that the ring works on, or (since Linux 6.13) those that were
 * added by their NAPI ID.
 */
export type NapiTracking = 'dynamic' | 'static';

/** What a ring is told. */
export interface NapiOptions extends Partial<NapiPolling> {
  /** Default: 'dynamic'. */
  readonly tracking?: NapiTracking;
}

/** What a ring does. */
export interface NapiSettings extends NapiPolling {
  /** 'inactive' when nothing is registered; before Linux 6.13 always 'dynamic'. */
  readonly tracking: NapiTracking | 'inactive';
}

/** With 'static' tracking: one receive queue more, or less. Since Linux 6.13. */
export type NapiQueue = { readonly addId: number } | { readonly deleteId: number };

export abstract class NapiRegistrations extends SyncCancelRegistrations {
  /**
   * Polls network devices while a call waits for completions, which makes them quicker and costs a CPU. Not on a ring
   * with IOPOLL.
   *
   * Since Linux 6.9. io_uring_register_napi.
   * @param settings what is left out is 0 µs and not preferred; or a queue to add or delete by the ID that its sockets
   * have as SO_INCOMING_NAPI_ID.
   * @returns the settings so far.
   * @throws UringError EINVAL for an ID without 'static' tracking, EEXIST for one that is there already, ENOENT for one
   * that is not; EOPNOTSUPP when the kernel was built without.
   */
  registerNapi(settings: NapiOptions | NapiQueue = {}): NapiSettings {
    const argument = encode(settings);
    this.register(IORING_REGISTER_NAPI, argument, 1);
    const view = new DataView(argument.buffer);
    return { ...polling(argument), tracking: TRACKING[view.getUint32(OP_PARAM, true)] ?? 'inactive' };
  }

  /** Polls no more. Gives the settings so far. io_uring_unregister_napi. */
  unregisterNapi(): NapiPolling {
    const argument = makeStruct(io_uring_napi);
    this.register(IORING_UNREGISTER_NAPI, argument, 1);
    return polling(argument);
  }
}

function encode(settings: NapiOptions | NapiQueue): Uint8Array<ArrayBuffer> {
  if (typeof settings !== 'object' || settings === null)
    throw invalidType('settings', 'of type object', settings);
  const argument = makeStruct(io_uring_napi);
  const view = new DataView(argument.buffer);
  if ('addId' in settings || 'deleteId' in settings) {
    const [opcode, name, id] =
      'addId' in settings ? [ADD_ID, 'addId', settings.addId] : [DELETE_ID, 'deleteId', settings.deleteId];
    view.setUint8(OPCODE, opcode);
    view.setUint32(OP_PARAM, checkUint32(`settings.${name}`, id), true);
    return argument;
  }
  const { busyPollTo = 0, preferBusyPoll = false, tracking = 'dynamic' } = settings;
  if (typeof preferBusyPoll !== 'boolean')
    throw invalidType('settings.preferBusyPoll', 'of type boolean', preferBusyPoll);
  const strategy = TRACKING.indexOf(tracking);
  if (strategy < 0)
    throw invalidValue('settings.tracking', tracking, `must be one of ${TRACKING.join(', ')}`);
  writeStruct(argument, io_uring_napi, {
    busy_poll_to: checkUint32('settings.busyPollTo', busyPollTo),
    prefer_busy_poll: Number(preferBusyPoll),
  });
  view.setUint32(OP_PARAM, strategy, true);
  return argument;
}

function polling(argument: Uint8Array): NapiPolling {
  const { busy_poll_to, prefer_busy_poll } = readStruct(argument, io_uring_napi);
  return { busyPollTo: busy_poll_to, preferBusyPoll: prefer_busy_poll !== 0 };
}

// What newer kernels have where liburing's struct has padding: an opcode, and its parameter.
const OPCODE = 5;
const OP_PARAM = 8;
const ADD_ID = 1; // IO_URING_NAPI_STATIC_ADD_ID
const DELETE_ID = 2; // IO_URING_NAPI_STATIC_DEL_ID

/** By IO_URING_NAPI_TRACKING_…; 255 is inactive. */
const TRACKING: readonly NapiTracking[] = ['dynamic', 'static'];
