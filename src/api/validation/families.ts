/** The families of kinds whose rules make up the table of validators. */
import type { KindValidators } from './kind-validator.ts';

export const families: readonly KindValidators[] = [];
