import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { release, version } from 'node:os';
import { test } from 'node:test';
import { IoUringState } from 'tsuring';
import { EBADF, EINVAL, EOPNOTSUPP, ioUringRegister, pageSize } from 'tsuring/syscalls';
import type { Paint } from '../lib/cli/colour.ts';
import { paintFor } from '../lib/cli/colour.ts';
import { systemFacts } from '../lib/diagnose/facts.ts';
import { tryRing } from '../lib/diagnose/trial.ts';
import { type DoctorReport, doctorReport } from '../lib/doctor/report.ts';
import { tableOf } from '../lib/doctor/table.ts';
import * as opcodes from '../syscalls/constants/opcodes.ts';
import * as register from '../syscalls/constants/register.ts';
import * as setup from '../syscalls/constants/setup.ts';
import { moduleFile } from './support/project.ts';
import { runNode, tsuring } from './support/sandbox.ts';

const works = process.platform === 'linux' && tryRing({ flags: 0 }) === 0;
const needsRing = { skip: works ? false : 'needs a system that makes rings' };
const report: DoctorReport = doctorReport();

/** Names and numbers of the constants with a prefix, without the one that counts them. */
function constants(all: Readonly<Record<string, unknown>>, prefix: RegExp): Map<string, number> {
  return new Map(
    Object.entries(all).flatMap(([name, value]) =>
      prefix.test(name) && !name.endsWith('_LAST') && typeof value === 'number' ? [[name, value]] : [],
    ),
  );
}

test('the system is told as it is', needsRing, () => {
  const { system } = report;
  assert.equal(system.platform, 'linux');
  assert.deepEqual([system.release, system.version], [release(), version()]);
  assert.deepEqual([system.arch, system.node], [process.arch, process.version]);
  assert.equal(system.pageSize, pageSize());
  const libc = readFileSync('/proc/self/maps', 'utf8').includes('ld-musl') ? 'musl' : 'glibc';
  assert.equal(system.libc?.name, libc);
  if (libc === 'glibc') assert.match(system.libc.version ?? '', /^2\.\d+/);
});

test('rings are as the report tells', needsRing, () => {
  const { ring } = report;
  assert.equal(report.ok, true);
  assert.deepEqual(ring.plain, { ok: true, code: null, syscall: null, fix: null });
  const made = new IoUringState(8, { flags: 0 });
  assert.equal(ring.memory, made.memory.kind);
  assert.equal(ring.features, made.features);
  made.close();
  assert.ok(ring.maxEntries !== null && ring.maxEntries >= 1);
  const largest = new IoUringState(ring.maxEntries, { flags: 0, memory: 'view' });
  assert.equal(largest.sqEntries, ring.maxEntries);
  largest.close();
  for (const [memory, outcome] of Object.entries(ring.kinds)) {
    const make = () => new IoUringState(8, { flags: 0, memory: memory as 'view' }).close();
    if (outcome.ok) make();
    else assert.throws(make, { code: outcome.code, fix: outcome.fix });
  }
  assert.ok(ring.kinds[made.memory.kind].ok);
});

test('every setup flag is there, tried on its own or with what it needs', needsRing, () => {
  const names = constants(setup, /^IORING_SETUP_/);
  assert.deepEqual(new Map(report.setupFlags.map(({ name, value }) => [name, value])), sorted(names));
  assert.equal(names.size, 21);
  for (const { name, value, supported, code, with: others } of report.setupFlags) {
    assert.equal(code === null, supported, name);
    // Shared workers and a bound thread need more than flags.
    if ([setup.IORING_SETUP_ATTACH_WQ, setup.IORING_SETUP_SQ_AFF].includes(value)) continue;
    const flags = others.reduce((all, other) => all | (names.get(other) ?? 0), value);
    assert.equal(tryRing({ flags }) === 0, supported, name);
  }
});

test('features are those of a ring', needsRing, () => {
  const names = sorted(constants(setup, /^IORING_FEAT_/));
  const known = report.features.filter(({ name }) => name !== null);
  assert.deepEqual(new Map(known.map(({ name, value }) => [name, value])), names);
  const sum = report.features.reduce((all, { value, supported }) => all + (supported ? value : 0), 0);
  assert.equal(sum, report.ring.features);
});

test('operations carry their names, and the kernel does what the report says', needsRing, () => {
  const names = constants(opcodes, /^IORING_OP_/);
  assert.equal(names.size, 65);
  const told = new Map(report.opcodes.map(({ name, opcode }) => [name, opcode]));
  for (const [name, opcode] of names) assert.equal(told.get(name), opcode);
  const ring = new IoUringState(8, { flags: 0 });
  try {
    // EOPNOTSUPP where the kernel was built without what the operation is for.
    for (const { opcode, name, supported } of report.opcodes)
      if (supported === false)
        assert.ok([-EINVAL, -EOPNOTSUPP].includes(submitEmpty(ring, opcode) ?? 0), name ?? `${opcode}`);
    assert.equal(submitEmpty(ring, opcodes.IORING_OP_NOP), 0);
    assert.equal(report.opcodes[opcodes.IORING_OP_NOP].supported, true);
    assert.equal(submitEmpty(ring, opcodes.IORING_OP_READ), -EBADF);
    assert.equal(report.opcodes[opcodes.IORING_OP_READ].supported, true);
  } finally {
    ring.close();
  }
});

function submitEmpty(ring: IoUringState, opcode: number): number | undefined {
  const sqe = ring.getSqe();
  assert.ok(sqe);
  sqe.opcode = opcode;
  sqe.fd = -1;
  ring.commitSqe();
  ring.submit();
  const res = ring.waitCqe()?.res;
  ring.advanceCq();
  return res;
}

test('register opcodes carry their names and agree with the kernel', needsRing, () => {
  const names = constants(register, /^IORING_(UN)?REGISTER_/);
  for (const { name, opcode } of report.registerOpcodes)
    if (name !== null) assert.equal(names.get(name), opcode);
  const told = report.registerOpcodes.flatMap(({ name }) => (name === null ? [] : [name]));
  // Of the flags and special values that share the prefix with the opcodes.
  const others = ['FILES_SKIP', 'SRC_REGISTERED', 'DST_REPLACE', 'USE_REGISTERED_RING'];
  for (const other of others) names.delete(`IORING_REGISTER_${other}`);
  assert.deepEqual([...names.keys()].sort(), told.sort());
  assert.equal(told.length, register.IORING_REGISTER_LAST);
});

test(
  'register opcodes past the last of the kernel are not there, and those before it are',
  needsRing,
  (t) => {
    // Newer kernels look at the opcode before the descriptor: EINVAL past the last, else EBADF.
    const range = (opcode: number) => ioUringRegister(NOT_OPEN, opcode, 0, 0);
    if (range(0x7fff_0000) !== -EINVAL) return t.skip('needs a kernel that checks the opcode first');
    let there = 0;
    for (const { opcode, name, supported, code } of report.registerOpcodes) {
      if (range(opcode) === -EINVAL) assert.equal(supported, false, `${name} ${code}`);
      else if (supported) there++;
      // Known, but the kernel was built without it.
      else
        assert.ok(
          ['IORING_REGISTER_ZCRX_IFQ', 'IORING_REGISTER_NAPI'].includes(name ?? ''),
          `${name} ${code}`,
        );
    }
    assert.ok(there >= 20, `${there}`);
    assert.equal(range(report.registerOpcodes.length), -EINVAL);
  },
);

test('IORING_REGISTER_QUERY agrees with what was tried', needsRing, (t) => {
  const { query } = report;
  if (query === null) return t.skip('needs IORING_REGISTER_QUERY (Linux 6.18)');
  const told = (rows: readonly { supported: boolean | null }[]) =>
    rows.findLastIndex(({ supported }) => supported === true) + 1;
  // The last ones may be missing from how the kernel was built.
  assert.ok(told(report.registerOpcodes) <= query.registerOpcodes && query.registerOpcodes >= 36);
  assert.ok(told(report.opcodes) <= query.requestOpcodes && query.requestOpcodes >= 63);
  assert.equal(Number(query.features), report.ring.features);
  const flags = report.setupFlags.reduce((all, { value, supported }) => all + (supported ? value : 0), 0);
  assert.equal(Number(query.setupFlags) & (2 ** 21 - 1), flags);
});

test('limits are those of this process', needsRing, () => {
  const { limits } = report;
  const facts = systemFacts();
  const soft = facts.nofile?.soft;
  assert.equal(limits.nofile?.soft, soft === Infinity ? null : soft);
  const fields = readFileSync('/proc/self/status', 'utf8');
  assert.equal(limits.seccompMode, Number(/^Seccomp:\s*(\d)/m.exec(fields)?.[1]));
  // In the initial user namespace the capabilities count as they are.
  if (!/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'))) return;
  const bits = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(fields)?.[1]}`);
  assert.equal(limits.capIpcLock, (bits & (1n << 14n)) !== 0n);
  assert.equal(limits.capSysAdmin, (bits & (1n << 21n)) !== 0n);
});

test('a report leaves no descriptor behind', needsRing, () => {
  const count = () => readdirSync('/proc/self/fd').length;
  const before = count();
  doctorReport();
  assert.equal(count(), before);
});

test('the JSON has the members that were promised, of the types that were promised', async () => {
  const { status, stdout, stderr } = await tsuring(['doctor', '--json']);
  assert.equal(stderr, '');
  assert.equal(status, works ? 0 : 1);
  const parsed: unknown = JSON.parse(stdout);
  assertShape(parsed, SHAPE, 'report');
  assert.deepEqual(Object.keys(parsed as object), Object.keys(SHAPE));
});

/** A type, or several of which one must fit; an array is of such elements; an object has exactly these members. */
type Shape = string | readonly [Shape] | { readonly [member: string]: Shape };

function assertShape(value: unknown, shape: Shape, at: string): void {
  if (typeof shape === 'string') {
    const type = value === null ? 'null' : typeof value;
    assert.ok(shape.split(' ').includes(type), `${at} is ${type}, not ${shape}`);
    return;
  }
  assert.ok(typeof value === 'object' && value !== null, `${at} is ${value}`);
  if (Array.isArray(shape)) {
    assert.ok(Array.isArray(value), `${at} is no array`);
    for (const [i, element] of value.entries()) assertShape(element, shape[0], `${at}[${i}]`);
    return;
  }
  assert.deepEqual(Object.keys(value), Object.keys(shape), at);
  for (const [member, inner] of Object.entries(shape))
    assertShape((value as Record<string, unknown>)[member], inner, `${at}.${member}`);
}

const OUTCOME: Shape = { ok: 'boolean', code: 'string null', syscall: 'string null', fix: 'string null' };
const LIMIT: Shape = { soft: 'number null', hard: 'number null' };
const SHAPE: { readonly [member: string]: Shape } = {
  schema: 'number',
  tsuring: 'string',
  ok: 'boolean',
  obstacles: ['string'],
  system: {
    platform: 'string',
    release: 'string',
    version: 'string',
    arch: 'string',
    node: 'string',
    libc: { name: 'string', version: 'string null' },
    pageSize: 'number null',
  },
  ring: {
    plain: OUTCOME,
    sqpoll: OUTCOME,
    features: 'number null',
    maxEntries: 'number null',
    memory: 'string null',
    kinds: { no_mmap: OUTCOME, overlay: OUTCOME, view: OUTCOME },
  },
  setupFlags: [
    {
      name: 'string',
      value: 'number',
      since: 'string',
      with: ['string'],
      supported: 'boolean null',
      code: 'string null',
    },
  ],
  features: [{ name: 'string null', value: 'number', supported: 'boolean null' }],
  opcodes: [{ opcode: 'number', name: 'string null', supported: 'boolean null' }],
  registerOpcodes: [
    { opcode: 'number', name: 'string null', supported: 'boolean null', code: 'string null' },
  ],
  query:
    report.query === null
      ? 'null'
      : {
          requestOpcodes: 'number',
          registerOpcodes: 'number',
          setupFlags: 'string',
          features: 'string',
          enterFlags: 'string',
          sqeFlags: 'string',
        },
  limits: {
    memlock: report.limits.memlock === null ? 'null' : LIMIT,
    nofile: report.limits.nofile === null ? 'null' : LIMIT,
    ioUringDisabled: 'number null',
    ioUringGroup: 'number null',
    seccompMode: 'number null',
    capSysAdmin: 'boolean null',
    capIpcLock: 'boolean null',
  },
};

const plain: Paint = paintFor(-1);
const coloured: Paint = Object.fromEntries(
  ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'].map((name) => [
    name,
    (text: string) => `<${name}:${text}>`,
  ]),
) as unknown as Paint;

test('the table has every name, marked as the report has it, within the columns', needsRing, () => {
  for (const columns of [40, 80, 200]) {
    const text = tableOf(report, plain, columns);
    const mark = (supported: boolean | null) => (supported === null ? '?' : supported ? '+' : '-');
    for (const { name, supported } of report.opcodes) {
      const cell = `  ${mark(supported)} ${name?.replace('IORING_OP_', '')}`;
      assert.match(text, new RegExp(`${escaped(cell)}( |$)`, 'm'));
    }
    for (const { name, supported } of report.setupFlags)
      assert.match(
        text,
        new RegExp(`^ {2}${escaped(mark(supported))} ${name.replace('IORING_SETUP_', '')}( |$)`, 'm'),
      );
    for (const { name } of report.registerOpcodes)
      assert.ok(text.includes(` ${name?.replace(/^IORING_(REGISTER_)?/, '')}`), `${name}`);
    const grids = text.slice(text.indexOf('\nFeatures'), text.lastIndexOf('+ there'));
    for (const line of grids.split('\n')) assert.ok(line.length <= columns, line);
  }
  assert.match(tableOf(report, plain, 80), /^tsuring \d+\.\d+\.\d+ {2}io_uring works here\.$/m);
});

test('in colours, what is there is green and what is not is red', () => {
  const text = tableOf(
    {
      ...report,
      opcodes: [
        { opcode: 0, name: 'IORING_OP_NOP', supported: true },
        { opcode: 1, name: 'IORING_OP_READV', supported: false },
        { opcode: 200, name: null, supported: null },
      ],
    },
    coloured,
    80,
  );
  assert.match(
    text,
    /<bold:Operations> {2}1 of 3\n {2}<green:\+> NOP +<red:-> <red:READV> +<yellow:\?> <yellow:200>/,
  );
});

test('obstacles stand at the top', () => {
  const text = tableOf({ ...report, ok: false, obstacles: ['One.', 'Two.'] }, plain, 80);
  assert.match(text, /^tsuring .* {2}No ring can be made here\.\n! One\.\n! Two\.\n\nSystem\n/);
});

function escaped(text: string): string {
  return text.replace(/[+?]/g, '\\$&');
}

test('the command: help, wrong arguments, no colours in a pipe', async () => {
  const [help, option, operand, table] = await Promise.all([
    tsuring(['doctor', '--help']),
    tsuring(['doctor', '--nonsense']),
    tsuring(['doctor', 'nonsense']),
    tsuring(['doctor']),
  ]);
  assert.deepEqual([help.status, help.stderr], [0, '']);
  assert.match(help.stdout, /^Usage: tsuring doctor \[--json\]/);
  for (const wrong of [option, operand]) {
    assert.equal(wrong.status, 2);
    assert.equal(wrong.stdout, '');
    assert.match(wrong.stderr, /nonsense'.*\nTry 'tsuring doctor --help'/);
  }
  assert.equal(table.status, works ? 0 : 1);
  assert.equal(table.stdout.includes('\u001b'), false);
});

test('a ring that can be made but not used is found out', needsRing, async () => {
  // Not by a filter: Node itself has an io_uring in newer versions, and ends when only some of the calls are denied.
  const program = `
    import { EPERM, libc } from 'tsuring/syscalls';
    import { doctorReport } from './${moduleFile('lib/doctor/report')}';
    libc().enter = () => -EPERM;
    const { ok, ring, obstacles } = doctorReport();
    const { code, syscall, fix } = ring.plain;
    console.log(JSON.stringify([ok, code, syscall, obstacles[0] === fix, fix]));`;
  const { status, stdout, stderr } = await runNode(['--input-type=module', '-e', program]);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^\[false,"EPERM","io_uring_enter",true,".*seccomp/);
});

function sorted(names: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...names].sort(([, a], [, b]) => a - b));
}

const NOT_OPEN = 0x7fff_fff0;
