/**
 * A progress bar on stderr: only on a terminal, only once the work has taken a second, and gone at the end.
 */
import { isatty } from 'node:tty';
import { paintFor } from './colour.ts';
import { stderr } from './output.ts';
import { bytes, clock } from './units.ts';

/** What the bar shows at one moment. */
export interface Moment {
  readonly done: number;
  /** Undefined where nobody knows. */
  readonly total: number | undefined;
  readonly seconds: number;
}

export class Progress {
  readonly #start = performance.now();
  readonly #total: () => number | undefined;
  readonly #paint = paintFor(STDERR);
  readonly enabled: boolean = isatty(STDERR) && process.env.TERM !== 'dumb';
  #next = this.enabled ? this.#start + FIRST_MS : Infinity;
  #shown = false;
  #known: number | undefined;
  #asked = false;

  /** `total` is asked once, when the bar is first drawn: how many bytes there will be in all. */
  constructor(total: () => number | undefined) {
    this.#total = total;
  }

  /** Tells how many bytes are done. Cheap, and draws at most ten times a second. */
  tick(done: number): void {
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + INTERVAL_MS;
    if (!this.#asked) this.#known = this.#total();
    this.#asked = true;
    // More than was there when we looked: from now on nobody knows.
    const total = this.#known !== undefined && done <= this.#known ? this.#known : undefined;
    const line = draw({ done, total, seconds: (now - this.#start) / 1000 }, columns());
    // Without line wrap while it is drawn: the window may have become narrower.
    stderr(`\x1b[?7l\r${this.#paint.cyan(line)}\x1b[K\x1b[?7h`);
    this.#shown = true;
  }

  /** Takes the bar away, before anything else is written and at the end. The next `tick` may draw it again. */
  clear(): void {
    if (this.#shown) stderr('\r\x1b[K');
    this.#shown = false;
  }
}

/** The bar as one line shorter than `width` columns. */
export function draw({ done, total, seconds }: Moment, width: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const speed = `${bytes(rate)}/s`;
  if (total === undefined) return `${bytes(done)}  ${speed}`.slice(0, width - 1);
  const share = total > 0 ? done / total : 1;
  const left = rate > 0 ? `  ${clock((total - done) / rate)} left` : '';
  const text = `${String(Math.floor(share * 100)).padStart(3)} %  ${bytes(done)} of ${bytes(total)}  ${speed}${left}`;
  const room = Math.min(width - text.length - 5, LONGEST_BAR);
  if (room < SHORTEST_BAR) return text.slice(0, width - 1);
  const filled = Math.floor(share * room);
  return `[${'='.repeat(filled)}${' '.repeat(room - filled)}] ${text}`;
}

function columns(): number {
  return process.stderr.columns || DEFAULT_COLUMNS;
}

const STDERR = 2;
const FIRST_MS = 1000;
const INTERVAL_MS = 100;
const DEFAULT_COLUMNS = 80;
const LONGEST_BAR = 40;
const SHORTEST_BAR = 8;
