/** DefaultBinder: binds by the pod's binding subresource. */
import type { BindPlugin } from '../framework/plugin.ts';
import type { SchedulerApi } from '../scheduler-api.ts';

export function defaultBinder(api: SchedulerApi): BindPlugin {
  return { name: 'DefaultBinder', bind: (pod, nodeName) => api.bind(pod.pod, nodeName) };
}
