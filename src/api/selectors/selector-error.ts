/** A selector that cannot be understood. The message is what upstream's API server answers (400). */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}
