/**
 * The main job: `tsuring sum` of 1 GiB in the page cache against sha256sum and a stream of Node's, each a process of
 * its own; and the hash alone, which tells what bounds it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { medianOf } from './measure.ts';
import { run } from './processes.ts';
import type { Context, Measured } from './rows.ts';

const GIB = 2 ** 30;
const ROOT = fileURLToPath(new URL('..', import.meta.url));

export async function sumRow({ quick, folder }: Context): Promise<Measured> {
  const path = await emptyFile(join(folder, 'large'));
  const cli = await buildCli();
  const seen = {
    ours: [] as number[],
    sha256sum: [] as number[],
    stream: [] as number[],
    hash: [] as number[],
  };
  const sums = new Set<string>();
  const timed = async (name: keyof typeof seen, program: string, args: string[]): Promise<void> => {
    const start = performance.now();
    const printed = await run(program, args);
    seen[name].push((performance.now() - start) * 1e6);
    sums.add(printed.slice(0, 64));
  };
  for (let round = 0; round < (quick ? 1 : 5); round++) {
    await timed('sha256sum', 'sha256sum', [path]);
    await timed('ours', process.execPath, [cli, 'sum', path]);
    await timed('stream', process.execPath, ['-e', STREAM, path]);
    seen.hash.push(hashAlone());
  }
  rmSync(path);
  if (sums.size !== 1) throw new Error(`The sums differ: ${[...sums].join(', ')}`);
  const [ours, sha256sum, stream, hash] = Object.values(seen).map(medianOf);
  return {
    ours,
    peers: { sha256sum, createReadStream: stream, 'the hash alone': hash },
    unit: 'ns/GiB',
    note: `a whole process each, its start included; ${(GIB / ours).toFixed(2)} GB/s, the hash alone ${(GIB / hash).toFixed(2)}`,
  };
}

/** 1 GiB without a block on the disk, but with all its pages in the cache: what they hold makes no difference here. */
async function emptyFile(path: string): Promise<string> {
  const file = await open(path, 'w+');
  try {
    await file.truncate(GIB);
    const chunk = Buffer.allocUnsafe(1 << 20);
    for (let at = 0; at < GIB; at += chunk.length) readSync(file.fd, chunk, 0, chunk.length, at);
  } finally {
    await file.close();
  }
  return path;
}

/** Nanoseconds for hashing 1 GiB that lies in memory already. */
function hashAlone(): number {
  const chunk = randomBytes(1 << 20);
  const hash = createHash('sha256');
  const start = performance.now();
  for (let done = 0; done < GIB; done += chunk.length) hash.update(chunk);
  hash.digest();
  return (performance.now() - start) * 1e6;
}

/** The command as it is shipped: what a user starts does not compile TypeScript first. */
async function buildCli(): Promise<string> {
  await run('npm', ['--prefix', ROOT, 'run', '--silent', 'build']);
  return join(ROOT, 'dist/lib/cli.js');
}

const STREAM = `
  const hash = require('node:crypto').createHash('sha256');
  require('node:fs').createReadStream(process.argv[1])
    .on('data', (chunk) => hash.update(chunk))
    .on('end', () => console.log(hash.digest('hex')));
`;
