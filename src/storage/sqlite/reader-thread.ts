/**
 * The thread that reads old values and moves the WAL into the data file, beside
 * the one that writes: neither a long list nor a checkpoint stalls a commit.
 */
import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { dataFile, openForReading } from './database.ts';
import { packValues, type Answer, type PackedValues, type ReaderJob, type Request } from './protocol.ts';

assert(parentPort !== null, 'runs as a worker');
const port = parentPort;
const { directory } = workerData as { directory: string };
const database = openForReading(directory);
const begin = database.prepare('BEGIN');
const commit = database.prepare('COMMIT');
const select = database.prepare('SELECT bytes FROM value WHERE revision = ?');
select.setReturnArrays(true);

/** In one transaction: the locks are taken once, not for each row. */
function read(revisions: Float64Array): PackedValues {
  begin.run();
  try {
    const values: (Uint8Array | undefined)[] = [];
    for (const revision of revisions)
      values.push((select.get(revision) as unknown as [Uint8Array] | undefined)?.[0]);
    return packValues(values);
  } finally {
    commit.run();
  }
}

/** The length of the WAL in pages. */
function checkpoint(): number {
  const { log } = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as { log: number };
  return log;
}

function size(): number {
  const bytes = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return bytes(dataFile(directory)) + bytes(`${dataFile(directory)}-wal`);
}

function perform(job: ReaderJob): unknown {
  switch (job.kind) {
    case 'read':
      return read(job.revisions);
    case 'checkpoint':
      return checkpoint();
    case 'size':
      return size();
    case 'close':
      return database.close();
  }
}

port.on('message', ({ id, job }: Request<ReaderJob>) => {
  let answer: Answer;
  try {
    answer = { id, result: perform(job) };
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  const packed = 'result' in answer && job.kind === 'read' ? [(answer.result as PackedValues).bytes] : [];
  port.postMessage(answer, packed);
  if (job.kind === 'close') port.close();
});
