/**
 * Node's own test files that are not run against tsuring/fs, and why.
 */
const PATCHES = 'replaces `fd` of FileHandle.prototype in --expose-internals, and expects it to be asked for';

export const leftOut: Readonly<Record<string, string>> = {
  'test-fs-promises-file-handle-aggregate-errors.js': PATCHES,
  'test-fs-promises-file-handle-close-errors.js': PATCHES,
  'test-fs-promises-file-handle-op-errors.js': PATCHES,
  'test-fs-promises-readfile.js': 'replaces fstat of the internal binding; all else of it is in our tests',
  'test-worker-message-port-transfer-filehandle.js':
    "a FileHandle that was transferred is of the very same class in Node; ours becomes one of Node's",
};
