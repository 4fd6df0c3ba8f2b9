/** What people see: short lines on stdout, coloured on a terminal. Logs go to stderr (`log-sink.ts`). */
import { stdout } from 'node:process';

const coloured = stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const paint = (code: number) => (text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = paint(1);
export const dim = paint(2);
export const green = paint(32);
export const red = paint(31);
export const cyan = paint(36);

export function say(line = ''): void {
  stdout.write(`${line}\n`);
}

export function fail(message: string): void {
  process.stderr.write(`${red('error:')} ${message}\n`);
}
