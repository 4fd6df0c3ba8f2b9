/** Label selectors and label sets as text, sorted by key. */
import type { LabelSelector } from '../types/meta-v1.ts';

/** `a=1,b=2`; empty for none. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  if (!labels) return '';
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`)
    .join(',');
}

/**
 * `a=1,b in (x,y),!c`: what clients parse again as a selector. Empty for none;
 * undefined where a requirement is not one.
 */
export function selectorText(selector: LabelSelector | undefined): string | undefined {
  if (!selector) return '';
  if (!selector.matchExpressions?.length) return labelsText(selector.matchLabels);
  const requirements: [key: string, text: string][] = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]) => [key, `${key}=${value}`],
  );
  for (const { key, operator, values = [] } of selector.matchExpressions) {
    const list = [...values].sort().join(',');
    if (operator === 'In') requirements.push([key, `${key} in (${list})`]);
    else if (operator === 'NotIn') requirements.push([key, `${key} notin (${list})`]);
    else if (operator === 'Exists') requirements.push([key, key]);
    else if (operator === 'DoesNotExist') requirements.push([key, `!${key}`]);
    else return undefined;
  }
  return requirements
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    .map(([, text]) => text)
    .join(',');
}
