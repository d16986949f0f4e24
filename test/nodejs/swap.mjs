/**
 * Loaded before a test of Node's own: puts the functions of tsuring/fs into node:fs/promises, for whoever asks for it in
 * whatever way.
 */
import nodes from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const { default: ours } = await import(process.env.TSURING_FS);
const { backend, reason, ...functions } = ours;
// Where it must not be used it is not; elsewhere a test of Node's own functions would prove nothing.
const forbidden = process.permission !== undefined || process.env.TSURING_DISABLE === '1';
if (backend !== 'io_uring' && !forbidden) throw new Error(reason);
Object.assign(nodes, functions);
syncBuiltinESMExports();
