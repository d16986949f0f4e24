/**
 * Node's own functions, as they were when this was loaded: they stay Node's, whatever is put into their module later.
 */
import promises from 'node:fs/promises';

export type NodeFs = typeof promises;
export type FileHandle = import('node:fs/promises').FileHandle;

export const node: NodeFs = { ...promises };
