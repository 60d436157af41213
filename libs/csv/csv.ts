/** Rows are written in pieces of about so many characters: a table of any length takes the memory of one of them. */
const PIECE = 64 * 1024;

/** What a spreadsheet begins a formula with; it takes full-width, small and raised forms for the plain ones. */
const STARTS = '[=+\\-@\\u2212\\u207a-\\u207c\\u208a-\\u208c\\ufe62\\ufe63\\ufe66\\ufe6b\\uff0b\\uff0d\\uff1d\\uff20]';
/** What does not show, and is skipped before it is decided what a cell is: white space, control characters, format characters. */
const UNSEEN = '[\\s\\p{Z}\\p{Cc}\\p{Cf}]*';
/** A tab or a carriage return is one of OWASP's starts by itself. */
const AT_THE_FRONT = new RegExp(`^(?:${UNSEEN}${STARTS}|[\\s\\p{Cf}]*[\\t\\r])`, 'u');
/** After what another reader takes for the end of a cell: `;` or a tab where it separates by these, a new line where it overlooks the quote. */
const WITHIN = new RegExp(`${STARTS}(?<=[;\\t\\r\\n]${UNSEEN}${STARTS})`, 'gu');

/**
 * A table as CSV (RFC 4180: a header, CRLF, quotes doubled). What a spreadsheet would take for a formula (OWASP, CSV injection) gets an
 * apostrophe in front, so that it is shown and not run. Values that are no text are written as JSON; `undefined` and `null` are an empty cell.
 */
export function csvOf(columns: readonly string[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  return [...csvPieces(columns, rows)].join('');
}

/** The same, piece by piece, for tables that are too long to be held; every piece is some whole lines. */
export function* csvPieces(columns: readonly string[], rows: Iterable<Readonly<Record<string, unknown>>>): Generator<string> {
  let piece = line(columns);
  for (const row of rows) {
    piece += line(columns.map((column) => row[column]));
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece) yield piece;
}

function line(cells: readonly unknown[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return '';
  const harmless = defused(typeof value === 'string' ? value : JSON.stringify(value));
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function defused(text: string): string {
  // Most cells are neither, and the patterns below cost a microsecond each.
  const within = /[;\t\r\n]/.test(text) ? text.replace(WITHIN, "'$&") : text;
  return !/^[A-Za-z0-9]/.test(text) && AT_THE_FRONT.test(text) ? `'${within}` : within;
}
