import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** All specs of a group as one file, so that what they import is loaded once for each mutant and not once for each spec. */
const group = process.env['PLIMSOLL_MUTATION_GROUP'] ?? '';
const targets = JSON.parse(readFileSync(join(__dirname, 'targets.json'), 'utf8')) as Record<string, { readonly specs: readonly string[] }>;

// eslint-disable-next-line @typescript-eslint/no-require-imports -- which they are is known only when it runs
for (const spec of targets[group]?.specs ?? []) require(resolve(__dirname, '../..', spec));
