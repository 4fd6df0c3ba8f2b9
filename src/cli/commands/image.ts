import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { importIntoMachines } from '../../cluster/machines/images.ts';
import { green, say } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';

export interface ImageLoadOptions {
  readonly dataDir: string;
  readonly node?: string;
}

/** Brings an image archive onto the real nodes of a cluster that runs here. */
export async function loadImage(archive: string, options: ImageLoadOptions): Promise<void> {
  if (!existsSync(archive)) throw new UsageError(`there is no file ${archive}`);
  const nodes = await importIntoMachines(join(options.dataDir, 'nodes'), archive, options.node);
  if (nodes.length === 0) throw new UsageError(`no real node${options.node === undefined ? '' : ` ${options.node}`} runs for ${options.dataDir}`);
  say(`${green('loaded')} ${archive} on ${nodes.join(', ')}`);
}
