/**
 * The registered files that a request names: their slots stay theirs from when it is made until it is over.
 */
import { EBADF } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { invalidState } from '../../syscalls/invalid.ts';
import { needDirect } from './direct.ts';
import type { Engine } from './engine.ts';
import { FixedFile } from './fixed-file.ts';
import type { Request } from './operations.ts';

export function holdFiles(request: Request): void {
  for (const file of filesOf(request)) file.hold();
}

export function letGoFiles(request: Request): void {
  for (const file of filesOf(request)) file.letGo();
}

/** @throws UringError EBADF for a file that was closed; what was asked for before goes on. */
export function refuseClosed(request: Request): void {
  if (filesOf(request).some(({ closed }) => closed))
    throw new UringError(EBADF, 'io_uring_enter', 'The fixed file was closed.');
}

/** Registered files are of one ring. @throws ERR_INVALID_STATE for another's; UringError where there is no such operation. */
export function checkFiles(engine: Engine, request: Request): void {
  if (filesOf(request).some((file) => engine.files === null || !engine.files.owns(file)))
    throw invalidState('The fixed file belongs to another ring');
  if (request.into !== undefined || request.closes !== undefined) needDirect(engine.ring);
}

function filesOf({ file, into, closes }: Request): readonly FixedFile[] {
  if (typeof file !== 'object' && into === undefined && closes === undefined) return NONE;
  return [file, into, closes].filter((one) => one instanceof FixedFile);
}

const NONE: readonly FixedFile[] = [];
