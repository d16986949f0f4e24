/**
 * The report as text for people.
 */
import type { Paint } from '../cli/colour.ts';
import { bytesText } from '../diagnose/facts.ts';
import type { Outcome } from './outcome.ts';
import type { DoctorReport, LimitReport } from './report.ts';

/** The whole report for a terminal of so many columns, with a newline at its end. */
export function tableOf(report: DoctorReport, paint: Paint, columns: number): string {
  const sections = [
    verdict(report, paint),
    section('System', systemRows(report), paint),
    section('Rings', ringRows(report, paint), paint),
    section('Limits', limitRows(report), paint),
    section('Setup flags', flagRows(report, paint), paint),
    grid('Features', report.features.map(featureCell), columns, paint),
    grid('Operations', report.opcodes.map(opcodeCell), columns, paint),
    grid('Register opcodes', report.registerOpcodes.map(opcodeCell), columns, paint),
    `${paint.dim('+ there   - not there   ? could not be tried')}\n`,
  ];
  return sections.join('\n');
}

/** A line of a section; with a mark before the label where something was tried. */
type Row = readonly [label: string, text: string, supported?: boolean | null];

interface Cell {
  readonly name: string;
  readonly supported: boolean | null;
}

function verdict({ ok, obstacles, tsuring }: DoctorReport, paint: Paint): string {
  const said = ok ? paint.green('io_uring works here.') : paint.red('No ring can be made here.');
  const mark = ok ? paint.yellow('!') : paint.red('!');
  const lines = obstacles.map((text) => `${mark} ${text}`);
  return `${[`${paint.bold(`tsuring ${tsuring}`)}  ${said}`, ...lines].join('\n')}\n`;
}

function systemRows({ system }: DoctorReport): Row[] {
  const { libc } = system;
  return [
    [
      'kernel',
      `${system.platform === 'linux' ? 'Linux' : system.platform} ${system.release} ${system.version}`,
    ],
    ['machine', `${system.arch}, pages of ${system.pageSize === null ? '?' : bytesText(system.pageSize)}`],
    ['node', `${system.node}${libc === null ? '' : `, ${[libc.name, libc.version ?? ''].join(' ').trim()}`}`],
  ];
}

function ringRows({ ring }: DoctorReport, paint: Paint): Row[] {
  const { no_mmap, overlay, view } = ring.kinds;
  return [
    ['plain', outcome(ring.plain, paint)],
    ['SQPOLL', outcome(ring.sqpoll, paint)],
    ['most entries', ring.maxEntries === null ? '?' : `${ring.maxEntries}`],
    ['memory', ring.memory ?? '?'],
    ['  no_mmap', answer(no_mmap, paint)],
    ['  overlay', answer(overlay, paint)],
    ['  view', answer(view, paint)],
  ];
}

function limitRows({ limits }: DoctorReport): Row[] {
  const { ioUringDisabled, ioUringGroup, seccompMode, capIpcLock, capSysAdmin } = limits;
  const exempt = capIpcLock === true ? ', but CAP_IPC_LOCK frees this process of it' : '';
  return [
    ['RLIMIT_MEMLOCK', `${limitText(limits.memlock, bytesText)}${exempt}`],
    ['RLIMIT_NOFILE', limitText(limits.nofile, String)],
    ['kernel.io_uring_disabled', `${ioUringDisabled ?? 'not there'}`],
    ['kernel.io_uring_group', `${ioUringGroup ?? 'not there'}`],
    ['seccomp', SECCOMP[seccompMode ?? -1] ?? '?'],
    ['CAP_SYS_ADMIN', yesNo(capSysAdmin)],
  ];
}

function flagRows({ setupFlags }: DoctorReport, paint: Paint): Row[] {
  return setupFlags.map(({ name, since, supported, code, with: others }) => {
    const notes = others.length > 0 ? [`with ${others.map(short).join(', ')}`] : [];
    if (supported === false) notes.push(`${code}, since Linux ${since}`);
    return [short(name), notes.length > 0 ? paint.dim(notes.join(': ')) : '', supported];
  });
}

function featureCell({ name, value, supported }: DoctorReport['features'][number]): Cell {
  return { name: name === null ? `0x${value.toString(16)}` : short(name), supported };
}

function opcodeCell({ name, opcode, supported }: DoctorReport['opcodes'][number]): Cell {
  return { name: name === null ? `${opcode}` : short(name), supported };
}

/** 'IORING_OP_READ' as 'READ', 'IORING_UNREGISTER_FILES' as 'UNREGISTER_FILES'. */
function short(name: string): string {
  return name.replace(/^IORING_(SETUP_|FEAT_|OP_|REGISTER_)?/, '');
}

function section(title: string, rows: readonly Row[], paint: Paint): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, text, supported]) => {
    const before = supported === undefined ? '' : `${mark(supported, paint)} `;
    return `  ${before}${label.padEnd(width)}  ${text}`.trimEnd();
  });
  return `${[paint.bold(title), ...lines].join('\n')}\n`;
}

function grid(title: string, cells: readonly Cell[], columns: number, paint: Paint): string {
  const there = cells.filter(({ supported }) => supported === true).length;
  const width = Math.max(...cells.map(({ name }) => name.length)) + 4;
  const perLine = Math.max(1, Math.floor((columns - 2) / width));
  const lines: string[] = [];
  for (let i = 0; i < cells.length; i += perLine) {
    const line = cells.slice(i, i + perLine).map(({ name, supported }) => {
      const text = supported === true ? name : supported === false ? paint.red(name) : paint.yellow(name);
      return `${mark(supported, paint)} ${text}${' '.repeat(width - 2 - name.length)}`;
    });
    lines.push(`  ${line.join('')}`.trimEnd());
  }
  return `${[`${paint.bold(title)}  ${there} of ${cells.length}`, ...lines].join('\n')}\n`;
}

function mark(supported: boolean | null, paint: Paint): string {
  if (supported === null) return paint.yellow('?');
  return supported ? paint.green('+') : paint.red('-');
}

/** With what to do about it. */
function outcome(tried: Outcome, paint: Paint): string {
  return tried.ok ? answer(tried, paint) : `${answer(tried, paint)}: ${tried.fix}`;
}

function answer({ ok, code }: Outcome, paint: Paint): string {
  return ok ? paint.green('yes') : [paint.red('no'), code ?? ''].join(' ').trimEnd();
}

function limitText(limit: LimitReport | null, text: (value: number) => string): string {
  if (limit === null) return '?';
  const [soft, hard] = [limit.soft, limit.hard].map((value) => (value === null ? 'unlimited' : text(value)));
  return soft === hard ? soft : `${soft}, at most ${hard}`;
}

function yesNo(value: boolean | null): string {
  return value === null ? '?' : value ? 'yes' : 'no';
}

const SECCOMP: Readonly<Record<number, string>> = { 0: 'none', 1: 'strict', 2: 'a filter' };
