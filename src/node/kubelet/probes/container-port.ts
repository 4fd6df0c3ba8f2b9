/** The number of a port that a probe or hook names, by number or by the container's name for it. */
import type { Container } from '../../../api/types/core-v1.ts';

/** Throws where there is none. */
export function containerPort(port: number | string, { ports = [] }: Container): number {
  const number = Number(port);
  const found = Number.isNaN(number) ? ports.find(({ name }) => name === port)?.containerPort : number;
  if (found === undefined) throw new Error(`couldn't find port: ${port}`);
  if (!(found > 0 && found < 65536)) throw new Error(`invalid port number: ${found}`);
  return found;
}

/** As in a URL. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
