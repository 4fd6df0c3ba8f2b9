/**
 * `$(NAME)` in commands, arguments and values of variables: replaced where the
 * name is known, left as it stands where it is not; `$$` is a dollar sign, so
 * that `$$(NAME)` is never replaced.
 */
const references = /\$(?:\$|\(([^)]*)\))/g;

export function expandReferences(text: string, lookUp: (name: string) => string | undefined): string {
  if (!text.includes('$')) return text;
  return text.replace(references, (whole, name: string | undefined) => (whole === '$$' ? '$' : (lookUp(name ?? '') ?? whole)));
}
