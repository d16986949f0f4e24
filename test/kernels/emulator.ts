/**
 * Boots a kernel in qemu, by software emulation, and gives what it wrote to its console.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import type { Architecture } from './apt.ts';

export interface Machine {
  readonly architecture: Architecture;
  readonly vmlinuz: string;
  readonly initramfs: string;
  /** The file that becomes the machine's disk. */
  readonly disk: string;
  /** The file that its console is written to, and what qemu itself has to say. */
  readonly console: string;
  /** More of the kernel's command line. */
  readonly words: readonly string[];
  readonly timeLimitMs: number;
}

/** The program that emulates an architecture. */
export const QEMU: Readonly<Record<Architecture, string>> = {
  amd64: 'qemu-system-x86_64',
  arm64: 'qemu-system-aarch64',
};

/** Runs the machine until it turns itself off or its time is over; the text of its console. */
export async function boot(machine: Machine): Promise<string> {
  const child = spawn(QEMU[machine.architecture], argumentsFor(machine), {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: machine.timeLimitMs,
    killSignal: 'SIGKILL',
  });
  running.add(child);
  const to = createWriteStream(machine.console);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(to, { end: false });
  // What it exits with tells nothing: 0 after a panic, too.
  await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  running.delete(child);
  await new Promise<void>((resolve) => to.end(resolve));
  return readFileSync(machine.console, 'utf8');
}

/** A machine that nobody waits for any more would go on without its time limit. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const MEMORY_MIB = 2560;

function argumentsFor({ architecture, vmlinuz, initramfs, disk, words }: Machine): string[] {
  const { machine, options } = ARCHITECTURES[architecture];
  // With Debian's `always` it is chance what of nobody's locked memory a small buffer counts as: see docs/design.md.
  const pages = 'transparent_hugepage=madvise';
  const append = `${options} panic=-1 mitigations=off quiet nvme.poll_queues=1 ${pages}`;
  return [
    ...machine,
    ...['-accel', 'tcg,thread=multi,tb-size=512', '-m', `${MEMORY_MIB}`, '-smp', '2'],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-monitor', 'none'],
    ...['-serial', 'stdio', '-kernel', vmlinuz, '-initrd', initramfs],
    ...['-drive', `file=${disk},format=raw,if=none,id=disk`, '-device', 'nvme,serial=tsuring,drive=disk'],
    ...['-append', [append, ...words].join(' ')],
  ];
}

const ARCHITECTURES: Readonly<Record<Architecture, { machine: string[]; options: string }>> = {
  amd64: { machine: ['-M', 'pc,hpet=off', '-cpu', 'max'], options: 'console=ttyS0 reboot=t' },
  arm64: {
    // Signed pointers as the architecture has them cost an emulator half of its time. Without SVE, see docs/design.md.
    machine: ['-M', 'virt', '-cpu', 'max,pauth-impdef=on,sve=off,sme=off'],
    options: 'console=ttyAMA0',
  },
};
