/**
 * tsuring/fs: node:fs/promises on io_uring. Import it in its place.
 *
 * What is not here is Node's own; where there is no io_uring, everything is.
 */
import { type FsBackend, fsBackend } from './backend.ts';
import { type NodeFs, node } from './node.ts';
import { open } from './open.ts';
import { readFile } from './read-file.ts';
import { rm } from './rm.ts';
import { appendFile, writeFile } from './write-file.ts';

export * from 'node:fs/promises';
export { appendFile, type FsBackend, fsBackend, open, readFile, rm, writeFile };

/** node:fs/promises, with `backend` and `reason`, which tell what serves it: see fsBackend. */
const fs: NodeFs & FsBackend = Object.defineProperties(
  { ...node, open, readFile, rm, writeFile, appendFile } as NodeFs & FsBackend,
  // Not enumerable: whoever copies the functions does not make a ring by that.
  {
    backend: { get: () => fsBackend().backend },
    reason: { get: () => fsBackend().reason },
    fsBackend: { value: fsBackend },
  },
);
export default fs;
// What require() gives: an object that can be changed, as that of Node.
export { fs as 'module.exports' };
