/** What a store can answer beyond the errors of the contract. */

/** Too much is waiting to become durable; nothing of this commit was kept, so it may be tried again. */
export class StoreOverloadedError extends Error {
  override readonly name = 'StoreOverloadedError';
}

/** The medium no longer takes writes. The store stays readable, and must be opened anew to write. */
export class StoreFailedError extends Error {
  override readonly name = 'StoreFailedError';
  constructor(cause: unknown) {
    super(`the store can no longer write: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** The connection broke while a commit was under way: whether it took effect is not known. */
export class CommitUncertainError extends Error {
  override readonly name = 'CommitUncertainError';
}

export class LeaseNotFoundError extends Error {
  override readonly name = 'LeaseNotFoundError';
  constructor(lease: string) {
    super(`requested lease not found: ${lease}`);
  }
}

/** The directory belongs to a process that still runs. */
export class DirectoryInUseError extends Error {
  override readonly name = 'DirectoryInUseError';
  constructor(directory: string) {
    super(`data directory ${directory} is in use by another process`);
  }
}
