/** Classes of SQLSTATE that say "not now": connection, transaction rollback, resources, operator intervention. */
const PASSING = /^(08|40|53|57)/;

/** The SQLSTATE of an error that Postgres itself answered; undefined where no answer came (the connection failed). */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether the same statement may work later: no answer came, or the answer was "not now". */
export function isPassing(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || PASSING.test(state);
}
