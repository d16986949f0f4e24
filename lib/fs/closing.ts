/**
 * What is done to a file that is closed afterwards.
 */
/** A file that is open. */
export interface Closable {
  close(): Promise<void>;
}

/**
 * Gives what `operation` does, when the file is closed.
 * @throws (rejects) what went wrong: with both, an AggregateError of both that looks like the operation's, as Node's does.
 */
export async function closing<T>(file: Closable, operation: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await operation();
  } catch (error) {
    await file.close().catch((second: unknown) => {
      throw both(error as Error, second as Error);
    });
    throw error;
  }
  await file.close();
  return result;
}

function both(first: NodeJS.ErrnoException, second: Error): Error {
  const error = new AggregateError([first, second], first.message);
  return Object.assign(error, { code: first.code });
}
