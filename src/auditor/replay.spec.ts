import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FILES, MalformedExport } from '#libs/audit-export';
import { views } from '../read-models.ts';
import { exportedRows } from './replay.ts';

const { name: view, version } = views[0]!;
const line = { view, version, position: '7', key: 'a', row: '{"a": 1}' };

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'plimsoll-replay-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));
async function read(...lines: readonly object[]) {
  writeFileSync(join(folder, FILES.views), lines.map((l) => `${JSON.stringify(l)}\n`).join(''));
  const { rows, findings } = await exportedRows(folder);
  return { keys: [...(rows.get(view)?.byKey.keys() ?? [])], findings };
}

it('takes the rows of a view, and none where none were exported', async () => {
  expect(await read(line, { ...line, key: 'b' })).toEqual({ keys: ['a', 'b'], findings: [] });
  expect(await read({ view, version, position: '7' })).toEqual({ keys: [], findings: [] });
  rmSync(join(folder, FILES.views));
  expect(await exportedRows(folder)).toEqual({ rows: new Map(), findings: [] });
});

it.each([
  ['a view that is unknown', { ...line, view: 'no-such-view' }, ['a'], 'no such view'],
  ['another version', { ...line, key: 'b', version: 999 }, ['a'], 'version 999'],
  ['no version', { ...line, key: 'b', version: undefined }, ['a'], 'version none'],
  ['another position', { ...line, key: 'b', position: '8' }, ['a', 'b'], 'several positions'],
  ['a key that is there already', { ...line, row: '{"a": 2}' }, ['a'], 'twice'],
])('passes over no row: %s is a finding', async (_what, other, keys, detail) => {
  const result = await read(line, other);
  expect(result.keys).toEqual(keys);
  expect(result.findings).toEqual([{ name: 'view-differs', where: expect.any(String), detail: expect.stringContaining(detail) }]);
});

it('keeps the first of two rows with one key, so that the second can not stand in for it', async () => {
  await read(line, { ...line, row: '{"a": 2}' });
  expect((await exportedRows(folder)).rows.get(view)?.byKey.get('a')).toBe(line.row);
});

it('takes no line without a position', async () => {
  for (const position of [undefined, '', '-1', 7, '1e9']) await expect(read({ ...line, position })).rejects.toThrow(MalformedExport);
});
