/** The families of kinds whose defaulters make up the table. */
import type { Defaulters } from './kind-defaulter.ts';

export const families: readonly Defaulters[] = [];
