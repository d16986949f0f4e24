/**
 * What `--stats` prints.
 */
import type { Paint } from '../cli/colour.ts';
import { count } from '../cli/units.ts';
import type { EquipmentInfo, Figures } from './figures.ts';

/** The figures as lines of text. */
export function reportOf(figures: Figures, paint: Paint): string {
  const { equipment, counts } = figures;
  const rows: [string, string][] = [
    ['read', summary(figures)],
    ['hashing', share(figures.hashing, figures)],
    ['waiting', `${share(figures.waiting, figures)}: ${verdict(figures)}`],
  ];
  if (counts !== undefined) {
    if (figures.plainBytes > 0)
      rows.push(['by node:fs', `${count(figures.plainBytes)} bytes that the ring could not read`]);
    rows.push(['SQEs', count(counts.sqes)]);
    rows.push(['io_uring_enter', `${count(counts.enters)} calls`]);
    rows.push(['SQPOLL wakeups', count(counts.wakeups)]);
    rows.push(['ring memory', String(equipment.memory)]);
    rows.push(['SQPOLL', answer(equipment.sqpoll)]);
    rows.push(['registered buffers', answer(equipment.fixedBuffers, buffersOf(equipment))]);
    rows.push(['registered files', answer(equipment.fixedFiles)]);
  } else rows.push(['io_uring', `${answer(equipment.ring)} The files were read by node:fs.`]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${paint.dim(name.padEnd(width))}  ${text}\n`).join('');
}

function summary({ bytes: done, total }: Figures): string {
  const seconds = total / 1000;
  const rate = seconds > 0 ? done / 1e9 / seconds : 0;
  return `${count(done)} bytes in ${seconds.toFixed(3)} s, ${rate.toFixed(2)} GB/s`;
}

function share(part: number, { total }: Figures): string {
  const percent = total > 0 ? Math.round((100 * part) / total) : 0;
  return `${(part / 1000).toFixed(3)} s, ${percent} %`;
}

/** Which of the two the work would have to be spared to be done sooner. */
function verdict({ hashing, waiting, total }: Figures): string {
  if (hashing + waiting < total / 2) return 'bound by neither, but by opening and closing many files';
  return hashing >= waiting ? 'bound by the hash' : 'bound by the reading';
}

function buffersOf({ buffers, bufferBytes }: EquipmentInfo): string {
  return `, ${buffers} of ${bufferBytes / 1024} KiB`;
}

function answer(given: true | string, more = ''): string {
  return given === true ? `yes${more}` : `no: ${given}`;
}
