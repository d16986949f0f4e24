/**
 * All register methods of a ring: the last of the classes that registrar.ts tells of.
 */
import { BufferRingRegistrations } from './buffer-rings.ts';

export abstract class Registrations extends BufferRingRegistrations {}
