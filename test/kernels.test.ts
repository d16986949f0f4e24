/**
 * What `tsuring doctor` said on other kernels (test/kernels/), held to the table of the design.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { DoctorReport } from '../lib/doctor/report.ts';
import { GIVEN } from './kernels/given.ts';

/** For each row of the page what the kernels between two lines of Linux give. */
const COLUMNS = ['5.10', '6.1', '6.12', '6.16', '6.18', '6.19', '7.0'] as const;
const TABLE: Readonly<Record<string, readonly (string | boolean)[]>> = {
  operations: ['37', '49', '58', '63', '63', '65', '65'],
  features: ['0x7ff', '0x1fff', '0xffff', '0x3ffff', '0x3ffff', '0x3ffff', '0x3ffff'],
  memory: ['overlay', 'view', 'no_mmap', 'no_mmap', 'no_mmap', 'no_mmap', 'no_mmap'],
  SQPOLL: since('5.10'),
  'SQPOLL, as nobody': since('5.10'),
  SINGLE_ISSUER: since('6.1'),
  DEFER_TASKRUN: since('6.1'),
  COOP_TASKRUN: since('6.1'),
  'buffer rings': since('6.1'),
  'registered ring fds': since('6.1'),
  NO_SQARRAY: since('6.12'),
  HYBRID_IOPOLL: since('6.16'),
  CQE_MIXED: since('6.18'),
  SQE_MIXED: since('6.19'),
  SQ_REWIND: since('7.0'),
  'kernel.io_uring_disabled': since('6.12'),
};

function since(first: (typeof COLUMNS)[number]): boolean[] {
  return COLUMNS.map((_, n) => n >= COLUMNS.indexOf(first));
}

const folder = new URL('vectors/doctor/', import.meta.url);
const files = readdirSync(folder);

test('the oldest and the newest kernels are among them, and another architecture', () => {
  const names = files.map((file) => file.replace('.json', ''));
  for (const name of ['5.10', '6.1', '6.12', '6.18']) assert.ok(names.includes(name), name);
  assert.ok(names.some((name) => / arm64$/.test(name)));
  assert.ok(names.some((name) => /^7\./.test(name)));
});

for (const file of files)
  test(`Linux ${file.replace('.json', '')} gives what the design says`, () => {
    const reports: Record<string, DoctorReport> = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
    const column = columnOf(file);
    for (const [name, values] of Object.entries(TABLE)) {
      const { value, user = 'root' } = GIVEN.find((row) => row.name === name)!;
      assert.equal(value(reports[user]), values[column], `${name}, ${user}`);
    }
    for (const report of Object.values(reports)) {
      assert.deepEqual([report.ok, report.obstacles], [true, []]);
      assert.match(file, new RegExp(`^${report.system.release.match(/^\d+\.\d+/)?.[0]}( arm64)?\\.json$`));
    }
  });

/** The last column whose kernel is not newer than that of the file. */
function columnOf(file: string): number {
  const version = (name: string) => {
    const [major, minor] = name.split(/[. ]/).map(Number);
    return major * 1000 + minor;
  };
  return COLUMNS.findLastIndex((name) => version(name) <= version(file));
}
