/**
 * The processor time that servers take for sending back what they receive. Each is a process of its own; a client in C
 * (bench/peers/echo-load.c) asks them in turn.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { compiledScript } from './engine-build.ts';
import type { EchoPrograms } from './liburing.ts';
import { Rounds } from './measure.ts';
import type { Context, Measured } from './rows.ts';

/** Which of the servers is ours, and the others are its peers. */
export type EchoServer = 'iterators' | 'IoUringState';

interface Found {
  /** Nanoseconds of processor time for a request, of each. */
  readonly used: Record<string, number>;
  /** Requests in a second. */
  readonly served: Record<string, number>;
}

/** Both of our servers are measured together: the second row has the figures of the first. */
const seen = new Map<string, Found>();

export async function echoRow(
  ours: EchoServer,
  connections: number,
  bytes: number,
  { quick, echo }: Context,
): Promise<Measured> {
  if (echo === null) throw new Error('there is no C compiler');
  const key = `${connections} ${bytes}`;
  const found = seen.get(key) ?? (await measure(echo, connections, bytes, quick));
  seen.set(key, found);
  const { [ours]: mine, ...peers } = found.used;
  const names = Object.entries(found.served).map(
    ([name, count]) => `${name === ours ? 'ours' : name} ${Math.round(count)}`,
  );
  return {
    ours: mine,
    peers,
    unit: 'ns of processor time/request',
    note: `of the server alone; requests in a second: ${names.join(', ')}`,
  };
}

async function measure(
  programs: EchoPrograms,
  connections: number,
  bytes: number,
  quick: boolean,
): Promise<Found> {
  const servers = new Map<string, Child>();
  const used = new Rounds();
  const served = new Rounds();
  const rounds = quick ? 2 : 7;
  const time = quick ? 150 : 700;
  const warmUp = quick ? 500 : 1500;
  try {
    for (const [name, [program, args]] of Object.entries(await commands(programs)))
      servers.set(name, new Child(name, program, args));
    const ports = new Map<string, string>();
    for (const [name, server] of servers) ports.set(name, await server.line());
    // The first round is for warming up.
    for (let round = -1; round < rounds; round++)
      for (const [name, server] of servers) {
        const words = [ports.get(name)!, String(connections), String(bytes)];
        const { cpu, requests, seconds } = await load(
          server,
          programs.load,
          words,
          round < 0 ? warmUp : time,
        );
        if (round < 0) continue;
        used.note(name, (cpu * 1e3) / requests);
        served.note(name, requests / seconds);
      }
  } finally {
    for (const server of servers.values()) await server.end();
  }
  return { used: used.medians(), served: served.medians() };
}

async function commands({ epoll }: EchoPrograms): Promise<Record<string, [program: string, args: string[]]>> {
  return {
    iterators: [process.execPath, await compiledScript('engine-echo-iterators', [])],
    IoUringState: [process.execPath, await compiledScript('engine-echo-state', [])],
    'node:net': [process.execPath, await compiledScript('engine-echo-net', [])],
    'epoll in C': [epoll, []],
  };
}

/** Connections that are made and closed are not measured, only what is asked in between. */
async function load(
  server: Child,
  program: string,
  words: string[],
  milliseconds: number,
): Promise<{ cpu: number; requests: number; seconds: number }> {
  const client = new Child('echo-load', program, words);
  try {
    const ready = await client.line();
    if (ready !== 'ready') throw new Error(`echo-load: ${ready}`);
    const before = Number(await server.ask('?'));
    const { requests, seconds } = JSON.parse(await client.ask(`${milliseconds}\n`));
    const cpu = Number(await server.ask('?')) - before;
    return { cpu, requests, seconds };
  } finally {
    await client.end();
  }
}

/** A process that answers by lines, and ends with its standard input: also when this process does, however it ends. */
class Child {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #interface: Interface;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<void>;
  #error = '';

  constructor(name: string, program: string, args: readonly string[]) {
    this.#name = name;
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#closed = new Promise((resolve) => this.#process.once('close', () => resolve()));
    this.#process.on('error', (error) => {
      this.#error += error.message;
    });
    // It has ended: `line` tells.
    this.#process.stdin!.on('error', () => {});
    this.#process.stderr!.on('data', (bytes) => {
      this.#error += bytes;
    });
    this.#interface = createInterface(this.#process.stdout!);
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  /** The next that it says. */
  async line(): Promise<string> {
    let silent = false;
    const patience = setTimeout(() => {
      silent = true;
      this.#process.kill('SIGKILL');
    }, LIMIT_MS);
    const { done, value } = await this.#lines.next();
    clearTimeout(patience);
    if (!done) return value;
    await this.#closed;
    throw new Error(`${this.#name} ${silent ? 'says nothing' : 'has ended'}: ${this.#error.trim()}`);
  }

  ask(words: string): Promise<string> {
    this.#process.stdin!.write(words);
    return this.line();
  }

  async end(): Promise<void> {
    this.#process.stdin!.end();
    const patience = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE_MS);
    await this.#closed;
    clearTimeout(patience);
    this.#interface.close();
  }
}

/** Longer than the client waits for an answer. */
const LIMIT_MS = 30_000;
const PATIENCE_MS = 2000;
