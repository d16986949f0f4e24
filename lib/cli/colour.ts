/**
 * Colours for terminals. (util.styleText came with Node 20.12; this works on 20.11.)
 */
import { isatty } from 'node:tty';

/** Puts text into a colour or weight, or leaves it as it is where nobody could see it. */
export interface Paint {
  readonly enabled: boolean;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/**
 * Colours for what is written to `fd`: only on a terminal, not on TERM=dumb, and not when NO_COLOR is set to anything
 * (https://no-color.org).
 */
export function paintFor(fd: number, env: Readonly<Record<string, string | undefined>> = process.env): Paint {
  const enabled = !env.NO_COLOR && env.TERM !== 'dumb' && isatty(fd);
  const style = (on: number, off: number) => (text: string) =>
    enabled ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    enabled,
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
    cyan: style(36, 39),
  };
}
