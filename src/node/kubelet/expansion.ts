/**
 * `$(NAME)` in commands, arguments, environment and sub-paths. `$$` is a `$` that
 * begins nothing; what is not closed, or no reference, stays as it is.
 */
const reference = /\$(?:\$|\(([^)]*)\))/g;

/** `valueOf` says what stands in place of a reference. */
export function expand(text: string, valueOf: (name: string) => string): string {
  if (!text.includes('$')) return text;
  return text.replace(reference, (_, name: string | undefined) => (name === undefined ? '$' : valueOf(name)));
}
