import { connect } from 'node:net';

/** The address of this machine that leads to the server; others on the way back use it. Rejects where nothing answers, and for loopback, which nobody else reaches. */
export async function addressTowards(server: string): Promise<string> {
  const { hostname, port } = new URL(server);
  const address = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port) || 443, hostname.replace(/^\[|\]$/g, ''), () => {
      resolve(socket.localAddress ?? '');
      socket.destroy();
    });
    socket.once('error', reject);
  });
  if (address.startsWith('127.') || address === '::1') throw new Error(`${server} is reached by loopback, by which nobody reaches this machine: give --node-ip`);
  return address;
}
