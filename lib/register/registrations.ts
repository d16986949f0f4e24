/**
 * All register methods of a ring: the last of the classes that registrar.ts tells of.
 */
import { BpfFilterRegistrations } from './bpf-filter.ts';

export abstract class Registrations extends BpfFilterRegistrations {}
