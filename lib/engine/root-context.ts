/**
 * The asynchronous context of nobody in particular. What is made at somebody's first call and stays for good is made here: else
 * it would keep what that caller has in AsyncLocalStorage.
 */
import { AsyncResource } from 'node:async_hooks';

const root = new AsyncResource('tsuring');

/** Calls it in the context in which the package was loaded. Gives what it gives. */
export function inRootContext<T>(make: () => T): T {
  return root.runInAsyncScope(make);
}
