import { counted, thousands, type ObjectiveStatus } from '../../assess.ts';
import type { Answer, Written } from '../../report.ts';
import { h, type Markup } from './markup.ts';

/** A column of a table: its head, and what kind of cells it has. */
export interface Column {
  readonly head: string;
  /** Numbers are set to the right; short ones are not broken; prose has room. */
  readonly kind?: 'number' | 'short' | 'prose';
}

type Cells = readonly (Markup | string | number | undefined)[];

const classOf = ({ kind }: Column): Markup | undefined =>
  kind === 'number' ? h` class="n"` : kind === 'short' ? h` class="short"` : kind === 'prose' ? h` class="prose"` : undefined;

/**
 * A table with a caption and a head that is repeated on every page; the first cell of a row is its head. Rows beyond `most` are counted, not
 * shown, and it is said where they are.
 */
export function* table<T>(
  caption: string,
  columns: readonly Column[],
  items: readonly T[],
  row: (item: T) => Cells,
  { most = Infinity, where = '' }: { readonly most?: number; readonly where?: string } = {},
): Generator<Markup> {
  const heads = columns.map((column) => h`<th scope="col"${classOf(column)}>${column.head}</th>`);
  yield h`<div class="wide"><table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>\n`;
  for (const item of items.slice(0, most)) {
    yield h`<tr>${row(item).map((cell, i) => cellOf(columns[i] ?? { head: '' }, cell, i === 0))}</tr>\n`;
  }
  yield h`</tbody></table></div>\n`;
  if (items.length > most) yield h`<p class="warning">${counted(items.length - most, 'more row')} not shown here: ${where}</p>\n`;
}

function cellOf(column: Column, cell: Cells[number], first: boolean): Markup {
  const text = typeof cell === 'number' ? thousands(cell) : cell;
  return first ? h`<th scope="row" ${classOf(column)}>${text}</th>` : h`<td${classOf(column)}>${text}</td>`;
}

const MARKS: Readonly<Record<Answer | ObjectiveStatus, string>> = {
  yes: '✓ Yes',
  no: '✕ No',
  exception: '! Exception',
  met: '✓ Met',
  exceptions: '! Exceptions to be judged',
  'not-met': '✕ Not met',
  'nothing-to-test': '– Nothing to test',
  'for-the-assessor': '– For the assessor',
};

/** A verdict in a word, a sign and a colour: never by colour alone. */
export function verdict(answer: Answer | ObjectiveStatus): Markup {
  return h`<span class="v ${answer}">${MARKS[answer]}</span>`;
}

/** `2026-01-05 01:05:00 UTC`; milliseconds only where there are any. */
export function time(at: string | undefined): Markup | undefined {
  if (at === undefined) return undefined;
  const shown = at.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.000)?(\.\d+)?Z$/, '$1 $2$3 UTC');
  return h`<time datetime="${at}">${shown}</time>`;
}

export function id(text: string | undefined): Markup | undefined {
  return text === undefined ? undefined : h`<span class="id">${text}</span>`;
}

export function ids(texts: readonly string[]): Markup {
  return lines(texts.map(id)) ?? h``;
}

/** One below the other; nothing where there are none. */
export function lines(items: readonly (Markup | undefined)[]): Markup | undefined {
  return items.length === 0 ? undefined : h`${items.map((item, i) => [i > 0 && h`<br>`, item])}`;
}

/** A list with a bullet for each. */
export function bullets(items: readonly string[]): Markup {
  return h`<ul class="plain">${items.map((item) => h`<li>${item}</li>`)}</ul>`;
}

/** What somebody wrote, with its lines. */
export function said(text: string | undefined): Markup | undefined {
  return text === undefined ? undefined : h`<span class="said">${text}</span>`;
}

/** Where it is written: `stream@revision`, and the leaf in the ledger. */
export function where(written: Written | undefined): Markup | undefined {
  return written && h`${id(written.ref)} <span>(leaf ${written.sequence})</span>`;
}

export function facts(pairs: readonly (readonly [string, Markup | string | number | undefined])[]): Markup {
  const known = pairs.filter(([, value]) => value !== undefined);
  const shown = known.map(([name, value]) => h`<dt>${name}</dt><dd>${typeof value === 'number' ? thousands(value) : value}</dd>`);
  return h`<dl class="facts">${shown}</dl>\n`;
}

export function note(text: string): Markup {
  return h`<p class="note">${text}</p>`;
}
