/**
 * rm, as node:fs/promises has it: a folder and what is in it is removed by the ring, the rest by Node.
 */
import { isPlainRm, plainPath } from './arguments.ts';
import { fsEngine } from './backend.ts';
import { type NodeFs, node } from './node.ts';
import { removeTree } from './remove-tree.ts';

/**
 * Removes files and folders. As fsPromises.rm of Node, which is called for what the ring could not remove, and says what is
 * wrong with it.
 */
export const rm: NodeFs['rm'] = async (path, options) => {
  const engine = isPlainRm(options) ? fsEngine() : null;
  const name = engine === null ? null : plainPath(path);
  // Where a path goes up again is not the same once something on its way is removed.
  const plain = name !== null && !name.split('/').includes('..');
  if (engine !== null && plain && (await removeTree(engine, name))) return;
  await node.rm(path, options);
};
