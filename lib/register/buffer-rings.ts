/**
 * Registering rings of provided buffers: see BufferRing, which stands on these.
 */
import { BufferRegistrations } from './buffers.ts';

export abstract class BufferRingRegistrations extends BufferRegistrations {}
