/** Runs one of the machine's network tools, fed by stdin. */
import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end; how it ended is for the caller to judge. Rejects only where it cannot be started. */
export type RunCommand = (command: string, args: readonly string[], input?: string) => Promise<CommandResult>;

export const runCommand: RunCommand = (command, args, input = '') =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A command that ends before it has read everything says why on stderr.
    child.stdin.on('error', () => undefined);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }));
    child.stdin.end(input);
  });

export class CommandError extends Error {
  constructor(command: string, { code, stderr }: CommandResult) {
    super(`${command} ended with ${code}: ${stderr.trim().slice(0, 1000)}`);
  }
}
