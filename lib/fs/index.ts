/**
 * tsuring/fs: node:fs/promises on io_uring. Import it in its place.
 *
 * What is not here is Node's own; where there is no io_uring, everything is.
 */
import { type FsBackend, fsBackend } from './backend.ts';
import { type NodeFs, node } from './node.ts';
import { open } from './open.ts';
import { readFile } from './read-file.ts';
import { appendFile, writeFile } from './write-file.ts';

export * from 'node:fs/promises';
export { appendFile, type FsBackend, fsBackend, open, readFile, writeFile };

/** node:fs/promises, and what serves it. */
const fs: NodeFs & FsBackend = {
  ...node,
  open,
  readFile,
  writeFile,
  appendFile,
  /** See fsBackend. */
  get backend() {
    return fsBackend().backend;
  },
  get reason() {
    return fsBackend().reason;
  },
};
export default fs;
