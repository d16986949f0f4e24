/**
 * The results as an SVG: a bar for every ratio, on a logarithmic scale around 1. Readable on light and on dark.
 */
import type { Result } from './report.ts';

const WIDTH = 1010;
/** Room for the longest name. */
const LEFT = 350;
const RIGHT = 70;
const BAR = 11;
const GAP = 12;
const TOP = 76;
/** A ratio beyond the first or the last is drawn as if it were that. */
const TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500];

/** Peers in the order of the legend, each with its colour: the same hue works on both backgrounds. */
const COLOURS = [
  '#4f8ef7',
  '#f28e2b',
  '#3fa34d',
  '#c95fc0',
  '#d9a400',
  '#e15759',
  '#17a2a8',
  '#9c755f',
  '#8b93a0',
  '#00897b',
  '#7e57c2',
  '#b0893b',
  '#d4699a',
  '#5b9a8b',
  '#a05195',
  '#6b8e23',
  '#cc7a4a',
  '#4682b4',
  '#b5525c',
  '#7a7fb8',
  '#998a2e',
];

export function chart(results: readonly Result[]): string {
  const shown = results.filter(({ ratio }) => Object.keys(ratio).length > 0);
  const peers = [...new Set(shown.flatMap(({ ratio }) => Object.keys(ratio)))];
  const scale = scaleFor(shown.flatMap(({ ratio }) => Object.values(ratio)));
  const legend = legendOf(peers);
  let y = TOP + legend.height;
  const top = y;
  const bars = shown.map((result) => {
    const group = groupOf(result, peers, y, scale.at);
    y += group.height + GAP;
    return group.svg;
  });
  const height = y + 26;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Time of each peer divided by ours, for every row">`,
    STYLE,
    `<text class="title" x="16" y="28">Peer's time / ours</text>`,
    `<text class="minor" x="16" y="48">Longer is better for tsuring; beyond the line at 1 it is the faster one. Logarithmic.</text>`,
    legend.svg,
    ...scale.ticks.map((tick) => tickOf(tick, scale.at(tick), top - 6, height - 22)),
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}

interface Scale {
  readonly ticks: readonly number[];
  at(ratio: number): number;
}

function scaleFor(ratios: readonly number[]): Scale {
  const least = Math.min(0.5, ...ratios);
  const most = Math.max(2, ...ratios);
  const low = TICKS.findLast((tick) => tick <= least) ?? TICKS[0];
  const high = TICKS.find((tick) => tick >= most) ?? TICKS[TICKS.length - 1];
  const span = Math.log(high / low);
  const at = (ratio: number): number => {
    const part = Math.log(Math.min(Math.max(ratio, low), high) / low) / span;
    return Number((LEFT + part * (WIDTH - LEFT - RIGHT)).toFixed(1));
  };
  return { ticks: TICKS.filter((tick) => tick >= low && tick <= high), at };
}

function legendOf(peers: readonly string[]): { svg: string; height: number } {
  const inRow = 3;
  const items = peers.map((peer, i) => {
    const x = 16 + (i % inRow) * 280;
    const y = 62 + Math.floor(i / inRow) * 18;
    return `<rect x="${x}" y="${y}" width="11" height="11" rx="2" fill="${colour(i)}"/><text x="${x + 17}" y="${y + 10}">${escaped(peer)}</text>`;
  });
  return { svg: items.join('\n'), height: Math.ceil(peers.length / inRow) * 18 };
}

function groupOf(
  { name, ratio }: Result,
  peers: readonly string[],
  y: number,
  at: (ratio: number) => number,
): { svg: string; height: number } {
  const own = peers.filter((peer) => peer in ratio);
  const height = own.length * (BAR + 2);
  const label = `<text x="${LEFT - 10}" y="${y + height / 2 + 3}" text-anchor="end">${escaped(name)}</text>`;
  const bars = own.map((peer, i) => {
    const value = ratio[peer];
    const from = Math.min(at(1), at(value));
    const to = Math.max(at(1), at(value));
    const top = y + i * (BAR + 2);
    const end = value < 1 ? at(1) : to;
    return `<rect x="${from}" y="${top}" width="${Math.max(to - from, 1).toFixed(1)}" height="${BAR}" fill="${colour(peers.indexOf(peer))}"><title>${escaped(peer)}: ${value}</title></rect><text class="minor" x="${end + 5}" y="${top + 9}">${figure(value)}</text>`;
  });
  return { svg: [label, ...bars].join('\n'), height };
}

function tickOf(tick: number, x: number, top: number, bottom: number): string {
  const kind = tick === 1 ? 'one' : 'tick';
  return `<line class="${kind}" x1="${x}" y1="${top}" x2="${x}" y2="${bottom}"/><text class="minor" x="${x}" y="${bottom + 14}" text-anchor="middle">${tick}</text>`;
}

const colour = (i: number): string => COLOURS[i % COLOURS.length];
const figure = (ratio: number): string => {
  if (ratio < 0.1) return String(ratio);
  return ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0);
};
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** No background of its own: the colours of text and lines follow the reader's scheme. */
const STYLE = `<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.minor { font-size: 11px; fill: #59636e; }
.tick { stroke: #d1d9e0; }
.one { stroke: #59636e; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .minor { fill: #9198a1; }
  .tick { stroke: #3d444d; }
  .one { stroke: #9198a1; }
}
</style>`;
