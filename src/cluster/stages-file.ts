import { readFileSync } from 'node:fs';
import { loadStages } from '../node/hollow/stages/load.ts';

/** The text of a file of stages and what was left out of it. Throws Error where it cannot be read or makes no sense. */
export function readStagesFile(path: string): { readonly text: string; readonly notes: readonly string[] } {
  const text = readFileSync(path, 'utf8');
  return { text, notes: loadStages(text).notes };
}
