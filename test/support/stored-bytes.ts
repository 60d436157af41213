import type { Pool } from 'pg';

/**
 * Where a text is stored in a database, as `schema.table.column`: in every column of every table that there is, also within JSON and bytes, in
 * hexadecimal and in base64 (at each of the three places that a text can begin at).
 */
export async function storedIn(pool: Pool, text: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ schema: string; table: string; column: string; type: string }>(
    `select n.nspname as schema, c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm', 'p') and a.attnum > 0 and not a.attisdropped
        and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%' and n.nspname not like 'pg_temp%'
      order by 1, 2, 3`,
  );
  const needles = [text, Buffer.from(text).toString('hex'), ...base64Forms(text)];
  const found: string[] = [];
  for (const { schema, table, column, type } of rows) {
    const value = type === 'bytea' ? `encode("${column}", 'hex')` : `"${column}"::text`;
    const wanted = type === 'bytea' ? needles.map((needle) => Buffer.from(needle).toString('hex')) : needles;
    const { rowCount } = await pool.query(
      `select 1 from "${schema}"."${table}" t where exists (select from unnest($1::text[]) needle where position(needle in ${value}) > 0) limit 1`,
      [wanted],
    );
    if (rowCount) found.push(`${schema}.${table}.${column}`);
  }
  return found;
}

/** What base64 makes of a text wherever it stands, without the characters at its ends that its neighbours have a part in. */
function base64Forms(text: string): readonly string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.from(`${'\0'.repeat(shift)}${text}`)
      .toString('base64')
      .replace(/=+$/, '');
    return encoded.slice(shift === 0 ? 0 : shift + 1, -2);
  });
}
