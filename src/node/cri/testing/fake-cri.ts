/** A runtime of a test's own making behind CRI: what exists is what the test says, and it counts how often it is asked. */
import { rmSync } from 'node:fs';
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { runtimeService, type Answer, type Message } from '../api.ts';

export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly podUid: string;
  state: number;
  exitCode?: number;
}

export interface FakeSandbox {
  readonly id: string;
  readonly podUid: string;
  state: number;
}

type Events = ServerWritableStream<unknown, Message<'ContainerEventResponse'>>;

export class FakeCri {
  readonly sandboxes = new Map<string, FakeSandbox>();
  readonly containers = new Map<string, FakeContainer>();
  /** By method. */
  readonly calls = new Map<string, number>();
  readonly #socket: string;
  readonly #tellsEvents: boolean;
  readonly #events = new Set<Events>();
  #server: Server | undefined;

  constructor(socket: string, { events = false }: { readonly events?: boolean } = {}) {
    this.#socket = socket;
    this.#tellsEvents = events;
  }

  addPod(podUid: string, containers: readonly string[]): void {
    this.sandboxes.set(`s-${podUid}`, { id: `s-${podUid}`, podUid, state: 0 });
    for (const name of containers) this.containers.set(`${name}-${podUid}`, { id: `${name}-${podUid}`, name, podUid, state: 1 });
  }

  /** As a runtime's own event, where it has them. */
  tellStopped(containerId: string): void {
    for (const stream of this.#events) stream.write({ containerId, type: 2 });
  }

  get listeners(): number {
    return this.#events.size;
  }

  async start(): Promise<void> {
    const server = new Server();
    const answers: Record<string, (request: never) => object> = {
      version: () => ({ runtimeName: 'fake', runtimeVersion: '1' }),
      status: () => ({ status: { conditions: [{ type: 'RuntimeReady', status: true }, { type: 'NetworkReady', status: false, reason: 'NetworkPluginNotReady', message: 'cni plugin not initialized' }] } }),
      listPodSandbox: (request: Answer<'ListPodSandboxRequest'>) => ({ items: this.#ofPod(this.sandboxes, request.filter).map(({ id, podUid, state }) => ({ id, metadata: { uid: podUid, name: podUid, namespace: 'default' }, state, createdAt: 1, annotations: { note: 'of the pod' } })) }),
      listContainers: (request: Answer<'ListContainersRequest'>) => ({ containers: this.#ofPod(this.containers, request.filter).map(({ id, name, podUid, state }) => ({ id, podSandboxId: `s-${podUid}`, metadata: { name }, state, createdAt: 1 })) }),
      podSandboxStatus: ({ podSandboxId }: Answer<'PodSandboxRequest'>) => ({ status: { id: podSandboxId, state: this.sandboxes.get(podSandboxId)?.state ?? 1, network: { ip: '10.0.0.1' } } }),
      containerStatus: ({ containerId }: Answer<'ContainerRequest'>) => {
        const found = this.containers.get(containerId);
        return { status: found && { id: found.id, metadata: { name: found.name }, state: found.state, exitCode: found.exitCode ?? 0 } };
      },
    };
    const handlers = Object.entries(answers).map(([name, answer]) => [name, this.#unary(name, answer)]);
    const events = (stream: Events) => this.#follow(stream);
    const served = Object.fromEntries([...Object.keys(answers), 'getContainerEvents'].map((name) => [name, runtimeService[name as keyof typeof runtimeService]]));
    server.addService(served as Parameters<Server['addService']>[0], { ...Object.fromEntries(handlers), getContainerEvents: events } as Parameters<Server['addService']>[1]);
    await new Promise<void>((resolve, reject) => server.bindAsync(`unix:${this.#socket}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())));
    this.#server = server;
  }

  /** As a runtime does that is killed. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    rmSync(this.#socket, { force: true });
  }

  #unary(name: string, answer: (request: never) => object) {
    return ({ request }: ServerUnaryCall<never, object>, callback: sendUnaryData<object>) => {
      this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
      callback(null, answer(request));
    };
  }

  #follow(stream: Events): void {
    if (!this.#tellsEvents) {
      stream.emit('error', { code: status.UNIMPLEMENTED, details: 'no events' });
      return;
    }
    this.#events.add(stream);
    stream.on('cancelled', () => this.#events.delete(stream));
  }

  #ofPod<T extends { readonly podUid: string }>(all: ReadonlyMap<string, T>, filter: { readonly labelSelector: Readonly<Record<string, string>> } | null): T[] {
    const uid = filter?.labelSelector['io.kubernetes.pod.uid'];
    return [...all.values()].filter(({ podUid }) => uid === undefined || podUid === uid);
  }
}
