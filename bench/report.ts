/**
 * What a run found: the rows of results.json, and the table.
 */
import type { Measured, Row } from './rows.ts';

/** One row of results.json. */
export interface Result {
  readonly name: string;
  /** Median nanoseconds for one operation, unless `unit` says otherwise. */
  readonly ours: number;
  readonly peers: Readonly<Record<string, number>>;
  /** For each peer: peer / ours. Above 1 ours is the faster one. */
  readonly ratio: Readonly<Record<string, number>>;
  readonly unit?: string;
  readonly note?: string;
}

export function resultOf({ name }: Row, { ours, peers, unit, note }: Measured): Result {
  const ratio = Object.fromEntries(Object.entries(peers).map(([peer, ns]) => [peer, ratioOf(ns / ours)]));
  const rounded = Object.fromEntries(Object.entries(peers).map(([peer, ns]) => [peer, round(ns, 1)]));
  return {
    name,
    ours: unit === 'bytes/op' ? ours : round(ours, 1),
    peers: rounded,
    ratio,
    ...(unit === undefined ? {} : { unit }),
    ...(note === undefined ? {} : { note }),
  };
}

export const heading: string = `${'row'.padEnd(30)}${'ours'.padStart(11)}   peers: time, ratio (peer / ours)\n`;

/** The row as a line of the table, with its goals. */
export function line(result: Result, { goals = {}, limit }: Row): string {
  const { name, ours, peers, ratio, unit } = result;
  const columns = Object.keys(peers).map((peer) => {
    const wanted = goals[peer] === undefined ? '' : ` (goal ${goals[peer]})`;
    return `${peer} ${time(peers[peer])} ×${figure(ratio[peer])}${wanted}`;
  });
  const own = unit === 'bytes/op' ? `${ours} B/op` : time(ours);
  const most = limit === undefined ? '' : `(goal ${time(limit)}) `;
  return `${name.padEnd(30)}${own.padStart(11)}   ${most}${columns.join('; ')}\n`;
}

function time(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(1)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(2)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(2)} ms`;
  return `${(ns / 1e9).toFixed(2)} s`;
}

/** Three digits behind the point, or two that count. */
function ratioOf(value: number): number {
  return value < 0.1 ? Number(value.toPrecision(2)) : round(value, 3);
}

function figure(ratio: number): string {
  return ratio < 0.1 ? String(ratio) : ratio.toFixed(2);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
