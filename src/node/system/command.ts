/** Runs the machine's own programs (`ip`, `nft`, `mount`), which change what Node has no calls for. */
import { execFile } from 'node:child_process';

export interface CommandOptions {
  /** Written to its stdin. */
  readonly input?: string;
  readonly signal?: AbortSignal;
}

/** Rules of a node with very many Services are listed in tens of megabytes. */
const outputBytesMax = 256 * 1024 * 1024;

export type RunCommand = (file: string, args: readonly string[], options?: CommandOptions) => Promise<string>;

/** Resolves to its stdout; rejects with what it said on stderr where it fails. */
export function runCommand(file: string, args: readonly string[], { input, signal }: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { maxBuffer: outputBytesMax, ...(signal ? { signal } : {}) }, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else reject(new Error(`${file} ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }));
    });
    // A program that ends before it has read everything says why by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
