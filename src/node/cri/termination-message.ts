/**
 * What a container said of its end: the file it was given for that, or the last
 * lines of its log where the policy says so and it has failed. Limits are
 * upstream's (pkg/kubelet/container).
 */
import { open } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import type { Answer } from './api.ts';
import { containerAnnotation } from './container-config.ts';
import { readLog } from './log-reader.ts';

const messageBytesMax = 4096;
const logLinesMax = 80;
const logBytesMax = 2048;

export async function terminationMessage(status: Answer<'ContainerStatus'>, clock: Clock): Promise<string> {
  const said = await fromFile(status);
  const wantsLog = said === '' && status.exitCode !== 0 && status.annotations[containerAnnotation.terminationMessagePolicy] === 'FallbackToLogsOnError';
  const added = wantsLog && status.reason !== 'ContainerCannotRun' ? await fromLog(status.logPath, clock) : said;
  return status.message !== '' && added !== '' ? `${status.message}: ${added}` : status.message + added;
}

async function fromFile({ annotations, mounts }: Answer<'ContainerStatus'>): Promise<string> {
  const path = annotations[containerAnnotation.terminationMessagePath];
  const file = mounts.find(({ containerPath }) => containerPath === path)?.hostPath;
  if (!path || file === undefined) return '';
  try {
    return (await lastBytes(file, messageBytesMax)).toString();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? '' : `Error on reading termination log ${file}: ${(error as Error).message}`;
  }
}

async function lastBytes(path: string, most: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, most)), 0, Math.min(size, most), Math.max(0, size - most));
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function fromLog(path: string, clock: Clock): Promise<string> {
  let last = '';
  try {
    const lines = readLog({ path, sinceMs: undefined, tailLines: logLinesMax, follow: false, signal: new AbortController().signal, isRunning: () => false }, clock);
    for await (const { text } of lines) last = (last + text).slice(-logBytesMax);
  } catch (error) {
    return `Error on reading termination message from logs: ${(error as Error).message}`;
  }
  return Buffer.from(last).subarray(-logBytesMax).toString();
}
