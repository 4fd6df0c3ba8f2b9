/** The entry of a thread: runs the parts that it is told, over one connection to the API server. */
import { PortClient } from '../../client/transports/port.ts';
import { runPart, type PartContext } from './part.ts';

/** What a part is started with; it returns what waits for its end once the signal has aborted. */
export interface PartStarter {
  start(context: PartContext & { readonly connection: PortClient }): Promise<() => Promise<void>>;
}

/** Loaded when they are told: a thread holds the code of its own parts only. */
const starters: Readonly<Record<string, () => Promise<PartStarter>>> = {
  brains: () => import('./brains.ts'),
  nodes: () => import('./nodes.ts'),
};

await runPart(async (context) => {
  const connection = new PortClient(context.port);
  const names = String(context.options['parts']).split(',');
  const ends = await Promise.all(
    names.map(async (name) => {
      const starter = await starters[name]?.();
      if (!starter) throw new Error(`there is no part ${name}`);
      return starter.start({ ...context, connection });
    }),
  );
  return async () => {
    await connection.close();
    await Promise.all(ends.map((end) => end()));
  };
});
