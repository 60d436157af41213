import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** All specs of a group as one file, so that what they import is loaded once for each mutant and not once for each spec. */
const group = process.env['PLIMSOLL_MUTATION_GROUP'] ?? '';
/** Those of them that were asked for; all unless told. */
const only = process.env['PLIMSOLL_MUTATION_SPECS']?.split(',');
const targets = JSON.parse(readFileSync(join(__dirname, 'targets.json'), 'utf8')) as Record<string, { readonly specs: readonly string[] }>;

for (const spec of targets[group]?.specs ?? [])
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- which they are is known only when it runs
  if (only?.includes(spec) ?? true) require(resolve(__dirname, '../..', spec));
