/**
 * Headers that may come several times. Node joins repeated headers with ", ",
 * which cannot be told from a comma in one of them; of those that name groups
 * and extra values of a user each value counts, so they travel one a line
 * (base/exchange.ts). A header's value has no line breaks of its own.
 */
import { isListed } from '../../base/exchange.ts';

/** `raw`: names and values in turn, as received. Gives `headers` itself back for all but impersonated requests. */
export function withRepeated(headers: Readonly<Record<string, string>>, raw: readonly string[]): Readonly<Record<string, string>> {
  if (headers['impersonate-user'] === undefined) return headers;
  const whole: Record<string, string> = { ...headers };
  const seen = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (!isListed(name)) continue;
    const value = raw[i + 1] as string;
    whole[name] = seen.has(name) ? `${whole[name]}\n${value}` : value;
    seen.add(name);
  }
  return whole;
}
