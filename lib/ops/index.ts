/** One plain function per operation: each encodes one submission entry. */
export { nop } from './nop.ts';
export { read, readFixed } from './read.ts';
