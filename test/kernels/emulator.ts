/**
 * Boots a kernel in qemu, by software emulation, and gives what it wrote to its console.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import type { Architecture } from './apt.ts';

export interface Machine {
  readonly architecture: Architecture;
  readonly vmlinuz: string;
  readonly initramfs: string;
  /** The file that becomes the machine's disk. */
  readonly disk: string;
  /** The file that its console is written to. */
  readonly console: string;
  /** More of the kernel's command line. */
  readonly words: readonly string[];
  readonly timeLimitMs: number;
}

/** Runs the machine until it turns itself off or its time is over; the text of its console. */
export async function boot(machine: Machine): Promise<string> {
  const [command, ...args] = commandFor(machine);
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: machine.timeLimitMs,
    killSignal: 'SIGKILL',
  });
  const to = createWriteStream(machine.console);
  child.stdout.pipe(to);
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (complaint += text));
  // What it exits with tells nothing: 0 after a panic, too.
  await Promise.all([
    new Promise((resolve, reject) => child.once('close', resolve).once('error', reject)),
    new Promise<void>((resolve) => to.once('close', () => resolve())),
  ]);
  return readFileSync(machine.console, 'utf8') + complaint;
}

const MEMORY_MIB = 2560;

function commandFor({ architecture, vmlinuz, initramfs, disk, words }: Machine): string[] {
  const { command, console } = ARCHITECTURES[architecture];
  const append = `console=${console} panic=-1 mitigations=off quiet nvme.poll_queues=1`;
  return [
    ...command,
    ...['-accel', 'tcg,thread=multi,tb-size=512', '-m', `${MEMORY_MIB}`, '-smp', '2'],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-monitor', 'none'],
    ...['-serial', 'stdio', '-kernel', vmlinuz, '-initrd', initramfs],
    ...['-drive', `file=${disk},format=raw,if=none,id=disk`, '-device', 'nvme,serial=tsuring,drive=disk'],
    ...['-append', [append, ...words].join(' ')],
  ];
}

const ARCHITECTURES: Readonly<Record<Architecture, { command: string[]; console: string }>> = {
  amd64: { command: ['qemu-system-x86_64', '-M', 'pc,hpet=off', '-cpu', 'max'], console: 'ttyS0 reboot=t' },
  // Signed pointers as the architecture has them cost an emulator half of its time.
  arm64: {
    command: ['qemu-system-aarch64', '-M', 'virt', '-cpu', 'max,pauth-impdef=on'],
    console: 'ttyAMA0',
  },
};
