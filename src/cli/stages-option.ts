import type { Logger } from '../base/logger.ts';
import { readStagesFile } from '../cluster/stages-file.ts';
import { UsageError } from './usage-error.ts';

/** The text of the file that `--stages` names; empty where it was not given. */
export function stagesText(path: string | undefined, logger: Logger): string {
  if (path === undefined) return '';
  try {
    const { text, notes } = readStagesFile(path);
    for (const note of notes) logger.warn(note);
    return text;
  } catch (error) {
    throw new UsageError(`--stages ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
