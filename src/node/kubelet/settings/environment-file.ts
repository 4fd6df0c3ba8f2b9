/**
 * A file of variables in a volume: lines of NAME='value', where the value may
 * span lines and nothing in it is special; blank lines and comments are skipped.
 * Anything else is refused, whichever variable is asked for, as upstream refuses it.
 */
import { readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** Undefined: it has no such variable, or an empty one. Rejects where the file cannot be read as such. */
export async function fileVariable(volume: string, path: string, name: string): Promise<string | undefined> {
  const root = await realpath(volume);
  const file = await realpath(join(root, path)).catch(() => undefined);
  if (!file?.startsWith(root + sep)) throw new Error("couldn't parse env file");
  const variables = parseVariables(await readFile(file, 'utf8'));
  if (!variables) throw new Error("couldn't parse env file");
  return variables.get(name) || undefined;
}

const assignment = /[ \t]*(?:#[^\n]*)?(?:\n|$)|[ \t]*([^\s=#][^\s=]*)=(?:'([^']*)'[ \t]*(?:#[^\n]*)?|[ \t][^\n]*)?(?:\n|$)/y;

/** Undefined: it is no such file. Of a name that comes twice the first counts. */
export function parseVariables(text: string): Map<string, string> | undefined {
  const variables = new Map<string, string>();
  for (assignment.lastIndex = 0; assignment.lastIndex < text.length; ) {
    const match = assignment.exec(text);
    if (!match) return undefined;
    const [, name, value = ''] = match;
    if (name !== undefined && !variables.has(name)) variables.set(name, value);
  }
  return variables;
}
