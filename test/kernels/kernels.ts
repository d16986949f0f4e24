/**
 * Debian's kernels for virtual machines ("cloud"), one for each line of Linux that Debian carries.
 */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../support/cache.ts';
import { Apt, type Architecture } from './apt.ts';
import { Unavailable } from './unavailable.ts';

/** The kernel of one line. */
export interface KernelImage {
  readonly architecture: Architecture;
  /** '6.12'. */
  readonly series: string;
  readonly vmlinuz: string;
}

/** The lines that every run tries, with the newest one beside them. */
export const LANDMARKS: readonly string[] = ['5.10', '6.1', '6.12', '6.18'];

/** Which lines: by name, or the landmarks, all, the newest, or both ends. */
export type Wanted = 'default' | 'all' | 'ends' | 'newest' | readonly string[];

/** Oldest first. Throws Unavailable when one of them cannot be had. */
export function kernelImages(architecture: Architecture, wanted: Wanted): KernelImage[] {
  const packages = available(architecture);
  const all = [...packages.keys()].sort(byVersion);
  if (all.length === 0) throw new Unavailable(`Debian has no kernel for ${architecture}`);
  return choose(wanted, all).map((series) => {
    const source = packages.get(series);
    if (source === undefined)
      throw new Unavailable(`Linux ${series} is not to be had for ${architecture}, only ${all.join(', ')}`);
    return { architecture, series, vmlinuz: source() };
  });
}

/** Of each line the newest package that holds a kernel: linux-image-…, which from 6.19 on is empty, or linux-binary-…. */
export function newestPackages(names: readonly string[]): Map<string, string> {
  const newest = new Map<string, { name: string; version: string }>();
  for (const name of names) {
    const [, kind, version, series] = /^linux-(image|binary)-((\d+\.\d+)\..+)-cloud-/.exec(name) ?? [];
    if (series === undefined) continue;
    const known = newest.get(series);
    const order = known === undefined ? 1 : byVersion(version, known.version);
    if (order > 0 || (order === 0 && kind === 'binary')) newest.set(series, { name, version });
  }
  return new Map([...newest].map(([series, { name }]) => [series, name]));
}

/** Numbers in names count as numbers. */
export const byVersion: (a: string, b: string) => number = new Intl.Collator('en', { numeric: true }).compare;

function choose(wanted: Wanted, all: readonly string[]): string[] {
  const [oldest, newest] = [all[0], all[all.length - 1]];
  if (wanted === 'all') return [...all];
  if (wanted === 'newest') return [newest];
  if (wanted === 'ends') return [...new Set([oldest, newest])];
  return [...new Set(wanted === 'default' ? [...LANDMARKS, newest] : wanted)].sort(byVersion);
}

/** For each line a function that gives the path of its kernel. Without a network those that were fetched before. */
function available(architecture: Architecture): Map<string, () => string> {
  const folder = cacheFolder('kernels', architecture);
  const kept = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'package')));
  const found = new Map(kept.map((name) => [name, () => join(folder, name, 'vmlinuz')]));
  let apt: Apt;
  try {
    apt = new Apt(architecture);
  } catch (error) {
    if (!(error instanceof Unavailable) || kept.length === 0) throw error;
    process.stderr.write(`Only kernels of earlier runs: ${error.message}\n`);
    return found;
  }
  const pattern = `^linux-(image|binary)-[0-9]+\\.[0-9]+\\.[0-9].*-cloud-${architecture}$`;
  for (const [series, name] of newestPackages(apt.search(pattern)))
    found.set(series, () => fetched(apt, name, join(folder, series)));
  return found;
}

/** The kernel of a package. What is there of an older one stays until this one is whole. */
function fetched(apt: Apt, name: string, folder: string): string {
  const vmlinuz = join(folder, 'vmlinuz');
  const note = join(folder, 'package');
  if (existsSync(note) && readFileSync(note, 'utf8') === name) return vmlinuz;
  const fresh = mkdtempSync(`${folder}-`);
  try {
    const unpacked = join(fresh, 'unpacked');
    apt.unpack(name, unpacked);
    const paths = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
    // In /boot, and from 7.2 on beside the modules.
    const path = paths.find((each) => /(^|\/)vmlinuz[^/]*$/.test(each));
    if (path === undefined) throw new Unavailable(`the package ${name} holds no kernel`);
    renameSync(join(unpacked, path), join(fresh, 'vmlinuz'));
    rmSync(unpacked, { recursive: true });
    writeFileSync(join(fresh, 'package'), name);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    apt.forget(name);
  }
  return vmlinuz;
}
