/** Commands and containers for clients: each of their streams a channel of a WebSocket, or a stream of SPDY. */
import type { Status } from '../../../api/types/meta-v1.ts';
import type { Clock } from '../../../base/clock.ts';
import { ChannelCommand } from './channel-command.ts';
import { ChannelSocket } from './channel-socket.ts';
import { acceptSpdy, acceptWebSocket, asksForWebSocket, type UpgradeRequest } from './handshake.ts';
import type { RemoteCommand, WantedStreams } from './remote-command.ts';
import { receiveSpdyCommand } from './spdy-command.ts';

const spdyProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
const webSocketProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io'];

/** Makes the handshake, then runs `work` with the client's streams and reports its outcome. Throws NodeError before it has begun to answer. */
export function serveCommand(upgrade: UpgradeRequest, wanted: WantedStreams, clock: Clock, work: (client: RemoteCommand) => Promise<Status>): void {
  const run = (client: RemoteCommand) => void work(client).then((status) => client.finish(status));
  if (asksForWebSocket(upgrade)) acceptWebSocket(upgrade, webSocketProtocols, (connection) => run(new ChannelCommand(new ChannelSocket(connection, clock), wanted)));
  else receiveSpdyCommand(acceptSpdy(upgrade, spdyProtocols), wanted, clock, run);
}

