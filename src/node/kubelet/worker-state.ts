/**
 * The life of a pod on its node, as a total table: the compiler sees that every
 * state answers every event, and a state that stays where it is says so.
 *
 *   accepted -> sandboxing -> running -> stopping -> cleaning -> ended -> gone
 */
export type WorkerState =
  /** Nothing has been asked of the runtime. */
  | 'accepted'
  /** The sandbox is being made. */
  | 'sandboxing'
  /** The sandbox is up; containers start, run, end and restart. */
  | 'running'
  /** No container will start any more; those that run are being stopped. */
  | 'stopping'
  /** All containers have stopped; the sandbox is being removed. */
  | 'cleaning'
  /** The runtime holds nothing of the pod; its API object is left. */
  | 'ended'
  | 'gone';

export type WorkerEvent =
  | 'start'
  | 'sandboxReady'
  /** The sandbox failed to start, or has died. */
  | 'sandboxLost'
  /** The pod is deleted, has ended by itself, or is killed by the node. */
  | 'stop'
  | 'containersStopped'
  | 'sandboxRemoved'
  /** Its API object no longer exists. */
  | 'forgotten';

export const transitions: Readonly<Record<WorkerState, Readonly<Record<WorkerEvent, WorkerState>>>> = {
  accepted: {
    start: 'sandboxing',
    sandboxReady: 'running',
    sandboxLost: 'accepted',
    stop: 'stopping',
    containersStopped: 'accepted',
    sandboxRemoved: 'accepted',
    forgotten: 'stopping',
  },
  sandboxing: {
    start: 'sandboxing',
    sandboxReady: 'running',
    sandboxLost: 'accepted',
    stop: 'stopping',
    containersStopped: 'sandboxing',
    sandboxRemoved: 'sandboxing',
    forgotten: 'stopping',
  },
  running: {
    start: 'running',
    sandboxReady: 'running',
    sandboxLost: 'accepted',
    stop: 'stopping',
    containersStopped: 'running',
    sandboxRemoved: 'accepted',
    forgotten: 'stopping',
  },
  stopping: {
    start: 'stopping',
    sandboxReady: 'stopping',
    sandboxLost: 'stopping',
    stop: 'stopping',
    containersStopped: 'cleaning',
    sandboxRemoved: 'ended',
    forgotten: 'stopping',
  },
  cleaning: {
    start: 'cleaning',
    sandboxReady: 'cleaning',
    sandboxLost: 'cleaning',
    stop: 'cleaning',
    containersStopped: 'cleaning',
    sandboxRemoved: 'ended',
    forgotten: 'cleaning',
  },
  ended: {
    start: 'ended',
    sandboxReady: 'ended',
    sandboxLost: 'ended',
    stop: 'ended',
    containersStopped: 'ended',
    sandboxRemoved: 'ended',
    forgotten: 'gone',
  },
  gone: {
    start: 'gone',
    sandboxReady: 'gone',
    sandboxLost: 'gone',
    stop: 'gone',
    containersStopped: 'gone',
    sandboxRemoved: 'gone',
    forgotten: 'gone',
  },
};
