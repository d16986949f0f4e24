import { createRequire } from 'node:module';

/** The version of this package. Found by its own name, so alike from the source and from dist/. */
export function version(): string {
  return createRequire(import.meta.url)('tsuring/package.json').version;
}
