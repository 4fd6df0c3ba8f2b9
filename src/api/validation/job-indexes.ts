/** Sets of indexes of an indexed job, as text: `0,2-5,7`, in increasing order. */

/** What is wrong with a set, in upstream's words. */
export class IndexesError extends Error {
  override readonly name = 'IndexesError';
}

type Interval = readonly [first: number, last: number];

/** How many indexes are in the set. Throws IndexesError. */
export function countIndexes(text: string, completions: number): number {
  if (text === '') return 0;
  let previous: number | undefined;
  let total = 0;
  for (const part of text.split(',')) {
    const [first, last] = parseInterval(part, completions);
    if (previous !== undefined && previous >= first) throw outOfOrder(previous, first);
    total += last - first + 1;
    previous = last;
  }
  return total;
}

/** The first index that both sets have; what cannot be read is passed over. */
export function overlapOf(one: string, other: string, completions: number): number | undefined {
  const left = readableIntervals(one, completions);
  const right = readableIntervals(other, completions);
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    const [leftFirst, leftLast] = left[l] as Interval;
    const [rightFirst, rightLast] = right[r] as Interval;
    if (leftFirst <= rightLast && rightFirst <= leftLast) return Math.max(leftFirst, rightFirst);
    if (leftFirst <= rightFirst) l++;
    else r++;
  }
  return undefined;
}

function readableIntervals(text: string, completions: number): Interval[] {
  return text.split(',').flatMap((part) => {
    try {
      return [parseInterval(part, completions)];
    } catch (error) {
      if (error instanceof IndexesError) return [];
      throw error;
    }
  });
}

function parseInterval(text: string, completions: number): Interval {
  const limits = text.split('-');
  if (limits.length > 2)
    throw new IndexesError(
      `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`,
    );
  const [first, last] = limits.map((limit) => parseIndex(limit, completions)) as [number, number | undefined];
  if (last === undefined) return [first, first];
  if (first >= last) throw outOfOrder(first, last);
  return [first, last];
}

function parseIndex(text: string, completions: number): number {
  if (!/^[+-]?\d+$/.test(text))
    throw new IndexesError(`cannot convert string to integer for index: ${JSON.stringify(text)}`);
  const index = Number(text);
  if (index >= completions) throw new IndexesError(`too large index: ${JSON.stringify(text)}`);
  return index;
}

function outOfOrder(previous: number, current: number): IndexesError {
  return new IndexesError(`non-increasing order, previous: ${previous}, current: ${current}`);
}
