import type { ClusterShape, Target } from '../target/target.ts';
import type { Run } from './run.ts';

/** Starts what the run measures, as a phase of it. */
export function startTarget(run: Run, shape: ClusterShape): Promise<Target> {
  return run.phase(`start of ${run.system.name}`, 'nodes', shape.nodes, async (progress) => {
    const target = await run.start(shape);
    progress.set(shape.nodes);
    return target;
  });
}
