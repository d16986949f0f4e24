/**
 * Debian's kernels for virtual machines ("cloud"), one for each line of Linux that Debian carries.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Apt, type Architecture } from './apt.ts';
import { cacheFolder } from './cache.ts';

/** The kernel of one line. */
export interface KernelImage {
  readonly architecture: Architecture;
  /** '6.12'. */
  readonly series: string;
  readonly vmlinuz: string;
}

/** The lines that every run tries, with the newest one beside them. */
const LANDMARKS = ['5.10', '6.1', '6.12', '6.18'];

/** Oldest first. `wanted`: lines by name, or 'default', 'all', 'newest', or 'ends' for the oldest and the newest. */
export function kernelImages(
  architecture: Architecture,
  wanted: 'default' | 'all' | 'ends' | 'newest' | readonly string[],
): KernelImage[] {
  const packages = available(architecture);
  const all = [...packages.keys()].sort(byVersion);
  if (all.length === 0) throw new Error(`no kernel for ${architecture} is to be had`);
  const series = typeof wanted === 'string' ? choose(wanted, all) : [...wanted].sort(byVersion);
  return series.map((name) => {
    const source = packages.get(name);
    if (source === undefined) throw new Error(`no kernel ${name}: there are ${all.join(', ')}`);
    return { architecture, series: name, vmlinuz: source() };
  });
}

function choose(wanted: 'default' | 'all' | 'ends' | 'newest', all: readonly string[]): string[] {
  const newest = all[all.length - 1];
  if (wanted === 'all') return [...all];
  if (wanted === 'newest') return [newest];
  if (wanted === 'ends') return [...new Set([all[0], newest])];
  return [...new Set([...LANDMARKS.filter((name) => all.includes(name)), newest])];
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
    if (kept.length === 0) throw error;
    console.error(`Debian's packages cannot be had, so only kernels of earlier runs are: ${error}`);
    return found;
  }
  const pattern = `^linux-(image|binary)-[0-9]+\\.[0-9]+\\.[0-9].*-cloud-${architecture}$`;
  for (const [series, name] of newestPackages(apt.search(pattern)))
    found.set(series, () => fetched(apt, name, join(folder, series)));
  return found;
}

/** Of each line the newest package that holds a kernel: linux-image-…, which from 6.19 on is empty, or linux-binary-…. */
export function newestPackages(names: readonly string[]): Map<string, string> {
  const parts = /^linux-(image|binary)-((\d+\.\d+)\..+)-cloud-/;
  const newest = new Map<string, string>();
  // Of equal versions the binary comes last.
  const rank = (name: string) => name.replace(parts, '$2 $1').replace('binary', 'with');
  for (const name of [...names].sort((a, b) => byVersion(rank(a), rank(b)))) {
    const series = parts.exec(name)?.[3];
    if (series !== undefined) newest.set(series, name);
  }
  return newest;
}

function fetched(apt: Apt, name: string, folder: string): string {
  const vmlinuz = join(folder, 'vmlinuz');
  const note = join(folder, 'package');
  if (existsSync(note) && readFileSync(note, 'utf8') === name) return vmlinuz;
  rmSync(folder, { recursive: true, force: true });
  const unpacked = join(folder, 'unpacked');
  apt.unpack(name, unpacked);
  const paths = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
  // In /boot, and from 7.2 on beside the modules.
  const path = paths.find((each) => /(^|\/)vmlinuz[^/]*$/.test(each));
  if (path === undefined) throw new Error(`the package ${name} holds no kernel`);
  renameSync(join(unpacked, path), vmlinuz);
  rmSync(unpacked, { recursive: true });
  writeFileSync(note, name);
  return vmlinuz;
}

/** Numbers in names count as numbers. */
export const byVersion: (a: string, b: string) => number = new Intl.Collator('en', { numeric: true }).compare;
