/**
 * Are two objects the same to the API? Absent and undefined are one thing, the
 * order of keys means nothing. Neither side is changed.
 */
export function equalObjects(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    for (let i = 0; i < left.length; i++) if (!equalObjects(left[i], right[i])) return false;
    return true;
  }
  if (Array.isArray(right)) return false;
  const a = left as Record<string, unknown>;
  const b = right as Record<string, unknown>;
  let present = 0;
  for (const key in a) {
    const value = a[key];
    if (value === undefined) continue;
    present++;
    if (!equalObjects(value, b[key])) return false;
  }
  for (const key in b) if (b[key] !== undefined) present--;
  return present === 0;
}
